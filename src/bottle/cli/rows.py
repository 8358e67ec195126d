"""Bottles as a person reads them: those that run, and those that left something."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bottle.cli.columns import plain, table
from bottle.cli.render import size
from bottle.cli.streams import terminal_width
from bottle.domain.duration import told
from bottle.domain.labels import painted
from bottle.domain.state import BottleRow, Metadata
from bottle.domain.taken_out import KeptArchive


def row_table(rows: Iterable[BottleRow], *, colored: bool = False, now: datetime | None = None) -> str:
    """One line a bottle, with its age and what is kept of it where `now` is given; the label is the last thing in it,
    in its colour where the terminal shows any."""
    shown = list(rows)
    text = _row_text(shown, now)
    if not colored:
        return text
    headings, *lines = text.splitlines()
    return "\n".join([headings, *map(_painted, lines, shown)])


def bottle_lines(metadata: Metadata, row: BottleRow, kept: Sequence[KeptArchive]) -> str:
    """One bottle, for `bottle info`."""
    ended = f"{row.ended_at[:19]}" + ("" if metadata.exit_status is None else f", status {metadata.exit_status}")
    lines = [
        ("bottle", row.identity + (f"  ({row.label})" if row.label else "")),
        ("from", f"agent {row.agent}, bottle {row.bottle}"),
        ("backend", row.backend),
        ("status", row.status),
        ("started", row.started_at[:19]),
        ("ended", ended if row.ended_at else ""),
        ("session", metadata.session_id),
        ("in", metadata.cwd),
        ("ran", " ".join(metadata.argv)),
        ("kept", ", ".join([size(row.size), *(f"{archive.part} {size(archive.size)}" for archive in kept)])),
    ]
    return table((line for line in lines if line[1]), width=terminal_width())


def _painted(line: str, row: BottleRow) -> str:
    label = plain(row.label).rstrip()
    return line.removesuffix(label) + painted(label, row.color) if label else line


def _row_text(rows: Iterable[BottleRow], now: datetime | None) -> str:
    aged = () if now is None else ("AGE", "KEPT")
    headings = ("IDENTITY", "AGENT", "BOTTLE", "BACKEND", "STATUS", "STARTED", *aged, "SERVICES", "ASKS", "LABEL")
    return table(
        (
            (
                *(row.identity, row.agent, row.bottle, row.backend, row.status, row.started_at[:19]),
                *(() if now is None else _aged(row, now)),
                *(",".join(row.services), str(row.pending or ""), row.label),
            )
            for row in rows
        ),
        headings,
    )


def _aged(row: BottleRow, now: datetime) -> Iterator[str]:
    """Since its end, or its beginning; and how much is kept."""
    try:
        yield told((now - datetime.fromisoformat(row.ended_at or row.started_at)).total_seconds())
    except (ValueError, TypeError):
        yield "?"
    yield size(row.size)

"""Bottles as a person reads them: those that run, and those that left something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bottle.cli.columns import table
from bottle.cli.render import size
from bottle.cli.streams import terminal_width
from bottle.domain.duration import told
from bottle.domain.labels import painted

if TYPE_CHECKING:
    from bottle.domain.state import BottleRow, Metadata
    from bottle.domain.taken_out import KeptArchive

_SPARE = ("STARTED", "SERVICES", "AGENT", "KEPT", "BACKEND", "BOTTLE", "AGE")
"""What a narrow terminal does without: the age says when, the identity names the agent."""


def row_table(
    rows: Iterable[BottleRow], now: datetime, *, kept: bool = False, width: int | None = None, colored: bool = False
) -> str:
    """One line a bottle, with what is kept of it where that is asked for; the label is the last thing in it, in its
    colour where the terminal shows any."""
    shown = list(rows)
    headings = ("IDENTITY", "AGENT", "BOTTLE", "BACKEND", "STATUS", "STARTED", "AGE", *(("KEPT",) if kept else ()))
    text = table(
        (_cells(row, now, kept=kept) for row in shown),
        (*headings, "SERVICES", "ASKS", "LABEL"),
        width=width,
        spare=_SPARE,
        shortens=True,
    )
    return _painted(text, shown) if colored else text


def _cells(row: BottleRow, now: datetime, *, kept: bool) -> tuple[str, ...]:
    return (
        *(row.identity, row.agent, row.bottle, row.backend, row.status, row.started_at[:19], _age(row, now)),
        *((size(row.size),) if kept else ()),
        *(",".join(row.services), str(row.pending or ""), row.label),
    )


def _age(row: BottleRow, now: datetime) -> str:
    """Since its end, or its beginning."""
    try:
        return told((now - datetime.fromisoformat(row.ended_at or row.started_at)).total_seconds())
    except (ValueError, TypeError):
        return "?"


def _painted(text: str, rows: Iterable[BottleRow]) -> str:
    """Each label in its colour. What stands before it is names, of which each character is as wide as another."""
    headings, *lines = text.splitlines()
    place = headings.find("LABEL")
    if place < 0:
        return text
    labels = (painted(line[place:], row.color) if line[place:] else "" for line, row in zip(lines, rows, strict=True))
    return "\n".join([headings, *(line[:place] + label for line, label in zip(lines, labels, strict=True))])


def remarks(rows: Iterable[BottleRow]) -> Iterator[str]:
    """What can be done about those that neither run nor ended, a line for each way in which that is so."""
    shown = list(rows)
    for backend in dict.fromkeys(row.backend for row in shown if row.status == "unknown"):
        yield f"unknown: {backend} does not answer, so nobody can tell whether they run; `bottle doctor` says why"
    if any(row.status == "lost" for row in shown):
        yield "lost: `bottle resume` goes on with what is left of one, `bottle cleanup` removes it"


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

"""The audit trail as a person reads it. Its lines are data from beside the agent: nothing in them is trusted."""

from collections.abc import Iterable, Iterator

from bottle.cli.columns import plain
from bottle.domain.trail import Entry, entry_of


def readable(lines: Iterable[str]) -> Iterator[str]:
    """One line a decision. The beginning of an exchange is shown only where its end never came: it was cut off."""
    begun: dict[str, Entry] = {}
    for line in lines:
        entry = entry_of(line)
        if entry is None:
            yield plain(line)
        elif entry.kind == "opened":
            begun[entry.exchange] = entry
        else:
            begun.pop(entry.exchange, None)
            yield _line(entry)
    for entry in begun.values():
        yield _line(entry)


def _line(entry: Entry) -> str:
    """When, what came of it, what was asked, by which rule and why."""
    cells = (
        entry.time[:19],
        f"{entry.kind:<9}",
        "allowed" if entry.allowed else "REFUSED",
        "  -" if entry.status is None else str(entry.status),
        entry.asked,
        f"{entry.rule}: {entry.reason}",
    )
    return plain("  ".join(cell for cell in cells if cell))

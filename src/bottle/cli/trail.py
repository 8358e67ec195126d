"""The audit trail as a person reads it. Its lines are data from beside the agent: nothing in them is trusted."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bottle.cli.render import plain


def readable(lines: Iterable[str]) -> Iterator[str]:
    """One line a decision. The beginning of an exchange is shown only where its end never came: it was cut off."""
    begun: dict[object, dict[str, Any]] = {}
    for line in lines:
        entry = _parsed(line)
        if entry is None:
            yield plain(line)
        elif entry.get("kind") == "opened":
            begun[str(entry.get("id"))] = entry
        else:
            begun.pop(str(entry.get("id")), None)
            yield _line(entry)
    for entry in begun.values():
        yield _line(entry)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _line(entry: dict[str, Any]) -> str:
    """When, what came of it, what was asked, by which rule and why."""
    outcome = "allowed" if entry.get("allowed") is True else "REFUSED"
    status = entry.get("status")
    asked = (entry.get("method"), f"{entry.get('host') or ''}{entry.get('path') or ''}")
    cells = (
        str(entry.get("time"))[:19],
        f"{entry.get('kind')!s:<9}",
        outcome,
        "  -" if status is None else str(status),
        " ".join(str(part) for part in asked if part),
        f"{entry.get('rule')}: {entry.get('reason')}",
    )
    return plain("  ".join(cell for cell in cells if cell))

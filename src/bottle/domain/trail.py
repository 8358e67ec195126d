"""A line of the audit trail, read back. It is data from beside the agent: nothing in it is trusted."""

import json
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

COUNTED = ("http", "tunnel", "websocket", "git")
"""The kinds of lines that are traffic; the others are of the bottle's own course, or the beginning of an exchange."""


@frozen
class Entry:
    """What a line says. `exchange` names what began and ended, `moment` is `time` in seconds since the epoch, 0 where
    it cannot be told."""

    time: str
    moment: float
    kind: str
    allowed: bool
    rule: str
    reason: str
    method: str = ""
    host: str = ""
    path: str = ""
    status: int | None = None
    exchange: str = ""

    @property
    def is_traffic(self) -> bool:
        return self.kind in COUNTED

    @property
    def asked(self) -> str:
        """`GET example.com/simple`; nothing for a line that is about no request."""
        return f"{self.method} {self.host}{self.path}".strip()


def fields_of(line: str) -> dict[str, Any] | None:
    """The keys and values of a line; None for what is no line of ours."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def entry_of(line: str) -> Entry | None:
    """What the line says; None for what is no line of ours."""
    fields = fields_of(line)
    if fields is None:
        return None
    status = fields.get("status")
    return Entry(
        time=_text(fields, "time"),
        moment=_moment(fields.get("time")),
        kind=_text(fields, "kind"),
        allowed=fields.get("allowed") is True,
        rule=_text(fields, "rule"),
        reason=_text(fields, "reason"),
        method=_text(fields, "method"),
        host=_text(fields, "host"),
        path=_text(fields, "path"),
        status=status if type(status) is int else None,
        exchange=_text(fields, "id"),
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _moment(value: object) -> float:
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0

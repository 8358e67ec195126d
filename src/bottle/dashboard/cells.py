"""Values as cells of a row. Text from outside is escaped as on the command line, and is never read as markup."""

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from bottle.cli.columns import plain
from bottle.dashboard.palette import label_style
from bottle.dashboard.pulse import Bar
from bottle.domain.state import BottleRow, Status
from bottle.domain.supervise import Kind
from bottle.domain.trail import Entry

QUIET = "$quiet"
_MARKS: dict[Status, tuple[str, str]] = {
    "running": ("●", "$success"),
    "starting": ("◐", "$warning"),
    "ended": ("○", QUIET),
    "lost": ("✗", "$error"),
    "unknown": ("?", "$warning"),
}
_BARS = "▁▂▃▄▅▆▇█"
_ASKS: dict[Kind, str] = {
    "egress-block": "reach",
    "pipelock-block": "send",
    "capability-block": "install",
    "ask": "question",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def text(words: str, style: str = "") -> Content:
    """Words from anywhere, in one line."""
    return Content.styled(plain(words), style)


def lines(words: str, style: str = "") -> Content:
    """Words from anywhere that may have several lines."""
    return Content("\n").join([text(line, style) for line in words.splitlines()])


def mark(status: Status) -> Content:
    sign, style = _MARKS[status]
    return Content.styled(sign, style)


def label(row: BottleRow) -> Content:
    """What the operator calls the bottle, in its colour."""
    return text(row.label or row.agent, label_style(row.color))


def kind(name: Kind) -> Content:
    """What the agent wants, in a word."""
    return Content.styled(_ASKS[name], "$warning")


def age(begin: float, now: float) -> str:
    """`40 s`, `12 min`, `3 h`, `2 d`: one number is enough at a glance."""
    seconds = max(0, int(now - begin))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < _DAY else f"{seconds // _DAY} d"


def since(row: BottleRow, now: datetime) -> str:
    """How long the bottle has been there; nothing where nobody knows."""
    try:
        return age(datetime.fromisoformat(row.started_at).timestamp(), now.timestamp())
    except ValueError:
        return ""


def spark(bars: Sequence[Bar], width: int) -> Content:
    """The last bars that fit: high is much, against the highest of them; a bar with a refusal is marked by colour."""
    shown = list(bars)[-width:] if width else []
    highest = max((bar.asked for bar in shown), default=0)
    return Content.assemble(*(_bar(bar, highest) for bar in shown))


def _bar(bar: Bar, highest: int) -> tuple[str, str]:
    if not bar.asked:
        return "▁", "$line"
    step = (bar.asked * (len(_BARS) - 1) + highest - 1) // highest
    return _BARS[step], "$error" if bar.refused else "$secondary"


def asks(pending: int) -> Content:
    return Content.styled(f"{pending} ?", "bold $warning") if pending else Content()


def clock(entry: Entry) -> Content:
    """The time of day, where the entry is by; dates stand in the log."""
    return text(entry.time[11:19], QUIET)


def outcome(entry: Entry) -> Content:
    """A sign that reads without colour, and the status that came back."""
    sign, style = ("✓", "$success") if entry.allowed else ("✗", "bold $error")
    return Content.assemble((sign, style), (f" {'' if entry.status is None else entry.status}", QUIET))


def happened(entry: Entry) -> Content:
    """What was asked for; the reason only where it is news."""
    if entry.is_traffic:
        said = text(entry.asked)
        ordinary = entry.allowed and entry.rule in ("route", "allowed")
        return (
            said if ordinary else said + text(f"  {entry.rule}: {entry.reason}", QUIET if entry.allowed else "$error")
        )
    return text(f"{entry.rule}: {entry.reason}", "$warning" if entry.kind == "supervise" else QUIET)

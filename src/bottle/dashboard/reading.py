"""Screens to read: help, and a line of the trail whole."""

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from bottle.dashboard import cells
from bottle.dashboard.board import Line
from bottle.dashboard.dialogs import Reading
from bottle.dashboard.tables import Facts

_KEYS = (
    (
        "Everywhere",
        (
            ("tab", "to the next pane; shift+tab back"),
            ("up, down", "choose; j and k do, too"),
            ("enter", "open what is chosen; so do two clicks"),
            ("esc", "back; on the first screen: all lines of the audit again"),
            ("n", "start a new bottle"),
            ("A", "also show bottles that ended"),
            ("T", "light or dark"),
            ("q", "leave; bottles go on"),
        ),
    ),
    (
        "A bottle",
        (
            ("a", "attach: its agent gets this terminal, and you are back here when it ends"),
            ("l", "its log"),
            ("s", "stop it; its audit trail is kept"),
            ("r", "start one that ended again, with what was kept of it"),
        ),
    ),
    (
        "The audit",
        (
            ("f", "everything, what was refused, git, or what was asked"),
            ("b", "the chosen bottle alone, or all"),
            ("/", "lines that hold some words"),
        ),
    ),
)
_CLOSING = """\
All of this can be done on the command line, too: `bottle --help`.
A bar of a bottle's traffic is ten seconds; it is red where something was refused."""


def help_screen() -> Reading:
    parts: list[Widget] = []
    for title, keys in _KEYS:
        parts += [Static(Content.styled(title, "bold")), Facts((key, Content(does)) for key, does in keys), Static()]
    return Reading("Help", *parts, Static(Content.styled(_CLOSING, cells.QUIET)))


def of_line(line: Line) -> Reading:
    entry = line.entry
    outcome = ("allowed", "$success") if entry.allowed else ("refused", "bold $error")
    return Reading(
        "A line of the audit trail",
        Facts(
            (
                ("time", cells.text(entry.time)),
                ("bottle", cells.text(line.identity)),
                ("kind", cells.text(entry.kind)),
                ("asked", cells.text(entry.asked)),
                ("outcome", Content.styled(*outcome)),
                ("status", cells.text("" if entry.status is None else str(entry.status))),
                ("rule", cells.text(entry.rule)),
                ("reason", cells.text(entry.reason)),
            )
        ),
    )

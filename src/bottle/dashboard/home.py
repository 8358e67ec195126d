"""The first screen."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from bottle.dashboard import cells
from bottle.dashboard.board import Board, Line
from bottle.dashboard.keybar import KeyBar
from bottle.dashboard.panes import AskedPane, AuditPane, BottlePane

WIDE = 150
"""From so many columns on, what went out stands beside the bottles and not below them."""


class Home(Screen[None]):
    """Bottles, what is asked, and what went out. What acts on them is the program's (`Dashboard`)."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it so
        (0, "-usual"),
        (WIDE, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "app.begin", "New"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("A", "app.everything", "Ended too", show=False),
        Binding("T", "app.light", "Light or dark", show=False),
        Binding("question_mark", "app.help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
        Binding("escape", "unfiltered", "All lines", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="fault", markup=False)
        with Container(id="panes"):
            with Container(id="left"):
                yield BottlePane(id="bottles")
                yield AskedPane(id="asked")
            yield AuditPane(id="audit")
        yield Input(id="search", placeholder="what a line must hold · Enter keeps it, Escape ends it", compact=True)
        yield KeyBar()

    class Complete(Message):
        """All panes are there, and can show what a look found. A look at an empty home is over sooner than that."""

    def on_mount(self) -> None:
        self.post_message(self.Complete())
        self.call_after_refresh(self.query_one(BottlePane).rows.focus)

    def show(self, board: Board) -> None:
        for pane in (self.query_one(BottlePane), self.query_one(AskedPane), self.audit):
            pane.show(board)
        self.query_one("#head", Static).update(_head(board))
        fault = self.query_one("#fault", Static)
        fault.display = board.fault is not None
        if board.fault is not None:
            fault.update(cells.text(f"not up to date: {board.fault}", "$error"))

    @property
    def audit(self) -> AuditPane:
        return self.query_one(AuditPane)

    @property
    def chosen_bottle(self) -> str | None:
        """The bottle that keys act on."""
        return self.query_one(BottlePane).chosen

    def line(self, number: str) -> Line | None:
        """The line of the trail that a row shows."""
        return self.audit.line(number)

    def action_search(self) -> None:
        search = self.query_one("#search", Input)
        search.display = True
        search.focus()

    def action_only_chosen(self) -> None:
        """The lines of the chosen bottle alone, or of all again."""
        audit = self.audit
        audit.only = None if audit.only else self.chosen_bottle
        audit.redraw()

    def action_unfiltered(self) -> None:
        search, audit = self.query_one("#search", Input), self.audit
        search.value, search.display = "", False
        audit.filter, audit.only, audit.words = "everything", None, ""
        audit.redraw()
        if self.focused is search or self.focused is None:
            audit.rows.focus()

    @on(Input.Changed, "#search")
    def _search(self, event: Input.Changed) -> None:
        self.audit.words = event.value
        self.audit.redraw()

    @on(Input.Submitted, "#search")
    def _searched(self) -> None:
        search = self.query_one("#search", Input)
        search.display = bool(search.value)
        self.audit.rows.focus()


def _head(board: Board) -> Content:
    running = sum(row.status == "running" for row in board.rows)
    waiting = len(board.waiting)
    return Content.assemble(
        (" bottle ", "bold $accent"),
        (f" {running} running" if running else " nothing runs", "$quiet"),
        (f"  {waiting} {'waits' if waiting == 1 else 'wait'} for an answer" if waiting else "", "bold $warning"),
    )

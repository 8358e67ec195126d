"""A pane of rows: a heading, lines of which one is chosen, and words where there is none."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bottle.dashboard.columns import Column, Layout, fit

Row = tuple[str, Content]
"""An id and what is shown for it."""


class Rows(OptionList):
    """Lines of one row each. What stays the same is not drawn again, and the chosen one stays chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        return action != "select" or self.highlighted is not None

    @property
    def chosen(self) -> str | None:
        """The id of the line that is highlighted."""
        option = self.highlighted_option
        return option.id if option else None

    def show(self, rows: Sequence[Row]) -> None:
        if [option.id for option in self.options] == [identity for identity, _ in rows]:
            self._redraw(rows)
            return
        chosen, at = self.chosen, self.highlighted or 0
        self.set_options([Option(content, id=identity) for identity, content in rows])
        if rows:
            ids = [identity for identity, _ in rows]
            self.highlighted = ids.index(chosen) if chosen in ids else min(at, len(rows) - 1)

    def on_click(self, event: events.Click) -> None:
        """One click chooses, two open."""
        clicked = event.style.meta.get("option")
        if clicked is not None and event.chain < 2:
            event.prevent_default()
            self.highlighted = clicked

    def _redraw(self, rows: Sequence[Row]) -> None:
        for index, (_, content) in enumerate(rows):
            drawn = self.options[index].prompt
            if not (isinstance(drawn, Content) and drawn.is_same(content)):
                self.replace_option_prompt_at_index(index, content)


class Pane(Vertical):
    """A framed list. `draw` is asked for the rows again whenever there is another width to fit them to."""

    columns: ClassVar[Sequence[Column]] = ()
    empty: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        yield Static(classes="heading", markup=False)
        yield Rows(classes="rows")
        yield Static(self.empty, classes="empty", markup=False)

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    @property
    def chosen(self) -> str | None:
        return self.rows.chosen

    def draw(self, layout: Layout) -> Sequence[Row]:
        """The rows as they are now."""
        raise NotImplementedError

    def redraw(self) -> None:
        layout = fit(self.columns, self._width())
        shown = self.draw(layout)
        self.set_class(not shown, "-empty")
        self.query_one(".heading", Static).update(layout.heading())
        self.rows.show(shown)

    def on_resize(self, _: events.Resize) -> None:
        self.redraw()

    def _width(self) -> int:
        """The room for a row: between the margins, beside the scroll bar."""
        return max(1, self.content_size.width - 3)

"""Small screens over the others: a question, words to type, something to read."""

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from bottle.dashboard.keybar import KeyBar
from bottle.dashboard.rows import Rows


class Question(ModalScreen[bool]):
    """Yes or no. `details` may be long; no is what Escape says."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n", "answer(False)", "No"),
        Binding("escape", "answer(False)", show=False),
    ]

    def __init__(self, title: str, details: Content, *, yes: str, no: str = "No") -> None:
        super().__init__()
        self._title, self._details, self._yes, self._no = title, details, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            with VerticalScroll(classes="details"):
                yield Static(self._details, markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Content(self._no), id="no", compact=True)
                yield Button(Content(self._yes), id="yes", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one("#yes").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class Words(ModalScreen[str | None]):
    """A line to type; None is what Escape says. With `secret` nothing of it is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(
        self, title: str, details: Content, *, value: str = "", placeholder: str = "", secret: bool = False
    ) -> None:
        super().__init__()
        self._title, self._details = title, details
        self._input = Input(value, placeholder=placeholder, password=secret, compact=True)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield Static(self._details, markup=False, classes="details")
            yield self._input
            yield Static("Enter says it, Escape does not", classes="hint", markup=False)

    @on(Input.Submitted)
    def _said(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)


@frozen
class Picked:
    """Something to choose: its value, and how it is shown."""

    value: str
    shown: Content
    disabled: bool = False


class Choice(ModalScreen[str | None]):
    """One of several; None is what Escape says."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, offered: Sequence[Picked]) -> None:
        super().__init__()
        self._title, self._offered = title, offered

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield Rows(*(Option(picked.shown, disabled=picked.disabled) for picked in self._offered), classes="rows")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Rows).focus()

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._offered[event.option_index].value)

    def action_cancel(self) -> None:
        self.dismiss(None)


class Reading(ModalScreen[None]):
    """Something to read, one part below the other, which scrolls where it is long."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "Close", key_display="esc"),
    ]

    def __init__(self, title: str, *parts: Widget) -> None:
        super().__init__()
        self._title, self._parts = title, parts

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -reading") as dialog:
            dialog.border_title = Content(self._title)
            with VerticalScroll(classes="details"):
                yield from self._parts
        yield KeyBar()

    def action_close(self) -> None:
        self.dismiss(None)

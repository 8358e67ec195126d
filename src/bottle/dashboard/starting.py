"""The preflight, and a start under way."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from bottle.app.prepare import Prepared, require_ready
from bottle.cli.render import preflight_facts
from bottle.dashboard import cells
from bottle.dashboard.hosting import ScreenInterruptions
from bottle.dashboard.keybar import KeyBar
from bottle.dashboard.tables import Facts
from bottle.domain.errors import BottleError

Go = Literal["attach", "start"]
_MOST_STEPS = 8


class Preflight(ModalScreen[Go | None]):
    """Everything that a start would do. What keeps it from being done stands above it, and then there is no yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go('attach')", "Start and attach"),
        Binding("d", "go('start')", "Start alone"),
        Binding("n,escape", "no", "No", key_display="n"),
    ]

    def __init__(self, prepared: Prepared, warnings: Sequence[str]) -> None:
        super().__init__()
        self._plan, self._warnings = prepared.plan, warnings
        self._fault = _fault(prepared)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -reading") as dialog:
            dialog.border_title = "Start this bottle?" if self._fault is None else "It cannot be started"
            with VerticalScroll(classes="details"):
                if self._fault is not None or self._warnings:
                    yield Static(self._said(), classes="details", markup=False)
                yield Facts((name, cells.text(said)) for name, said in preflight_facts(self._plan))
            with Horizontal(classes="buttons"):
                yield Button("No", id="no", compact=True)
                if self._fault is None:
                    yield Button("Start alone", id="start", compact=True)
                    yield Button("Start and attach", id="attach", variant="primary", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#attach" if self._fault is None else "#no", Button).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        return action != "go" or self._fault is None

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "attach" | "start" as go:
                self.dismiss(go)
            case _:
                self.dismiss(None)

    def action_go(self, go: Go) -> None:
        self.dismiss(go)

    def action_no(self) -> None:
        self.dismiss(None)

    def _said(self) -> Content:
        parts = [cells.text(f"warning: {warning}", "$warning") for warning in self._warnings]
        if self._fault is not None:
            parts.append(cells.text(str(self._fault), "bold $error"))
            parts += [cells.text(line, "$warning") for line in (self._fault.hint or "").splitlines()]
        return Content("\n").join(parts)


class Starting(ModalScreen[None]):
    """What a start does at this moment. Escape gives it up, and all that it made goes away again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Give up")]

    def __init__(self, identity: str, interruptions: ScreenInterruptions) -> None:
        super().__init__()
        self._identity, self._interruptions = identity, interruptions
        self._steps: list[str] = []
        self._detail = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = cells.text(f"Starting {self._identity}")
            yield Static(id="steps", markup=False)
            yield Static(id="detail", markup=False)
        yield KeyBar()

    def step(self, text: str) -> None:
        self._steps, self._detail = [*self._steps, text][-_MOST_STEPS:], ""
        self._show()

    def detail(self, text: str) -> None:
        self._detail = text
        self._show()

    def action_give_up(self) -> None:
        self._interruptions.strike()
        self.step("giving up")

    def _show(self) -> None:
        *done, now = self._steps or [""]
        lines = [cells.text(f"  {step}", cells.QUIET) for step in done]
        self.query_one("#steps", Static).update(Content("\n").join([*lines, cells.text(f"> {now}", "bold")]))
        self.query_one("#detail", Static).update(cells.text(f"  {self._detail}", cells.QUIET))


def _fault(prepared: Prepared) -> BottleError | None:
    try:
        require_ready(prepared)
    except BottleError as error:
        return error
    return None

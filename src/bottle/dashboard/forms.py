"""What an operator fills in before saying yes."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, RadioButton, RadioSet, Static

from bottle.app.supervise import Approval
from bottle.domain.errors import UsageError
from bottle.domain.supervise import SCOPES, EgressWish, Scope
from bottle.domain.supervise_draft import Draft

USUAL_MINUTES = 30
_SCOPES: dict[Scope, str] = {
    "once": "one request",
    "minutes": "some minutes",
    "bottle": "this bottle",
    "kept": "for good, in the manifest",
}


class Form(Vertical):
    """Fields of a yes."""

    def begin(self) -> None:
        """Puts the cursor where an operator begins."""

    def approval(self) -> Approval:
        """What was filled in. Raises UsageError."""
        raise NotImplementedError


class LastingForm(Form):
    """A yes that no time ends: for this bottle or for good, and a word to the agent."""

    OFFERED: ClassVar[tuple[Scope, ...]] = ("bottle", "kept")

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static("for", classes="name")
            with RadioSet(compact=True):
                for scope in self.OFFERED:
                    yield RadioButton(_SCOPES[scope], value=scope == "bottle", compact=True)
        yield _field("reason", "a word to the agent", "")

    def begin(self) -> None:
        self.query_one(RadioSet).focus()

    def approval(self) -> Approval:
        return Approval(self.OFFERED[self.query_one(RadioSet).pressed_index], reason=self.query_one(Input).value)


class AnswerForm(Form):
    """The answer to a question: one of the agent's choices, or other words."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        super().__init__()
        self._choices = choices

    def compose(self) -> ComposeResult:
        if self._choices:
            with RadioSet(compact=True):
                for choice in self._choices:
                    yield RadioButton(Content(choice), compact=True)
        yield _field("answer", "other words" if self._choices else "your answer", "")

    def begin(self) -> None:
        self.query_one(RadioSet if self._choices else Input).focus()

    def approval(self) -> Approval:
        words = self.query_one(Input).value
        if not words and self._choices:
            pressed = self.query_one(RadioSet).pressed_index
            words = self._choices[pressed] if pressed >= 0 else ""
        return Approval(answer=words)


class EgressForm(Form):
    """A destination, for how long, and a word to the agent."""

    FIELDS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("host", ""),
        ("path", "any"),
        ("methods", "any"),
        ("port", ""),
    )

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._begin = draft

    def compose(self) -> ComposeResult:
        for name, placeholder in self.FIELDS:
            yield _field(name, placeholder, "")
        with Horizontal(classes="field"):
            yield Static("for", classes="name")
            with RadioSet(id="scope", compact=True):
                for scope in SCOPES:
                    yield RadioButton(_SCOPES[scope], compact=True)
        yield _field("minutes", "", str(USUAL_MINUTES))
        yield _field("reason", "a word to the agent", "")

    def on_mount(self) -> None:
        self.fill(self._begin)

    def begin(self) -> None:
        self.query_one("#scope", RadioSet).focus()

    @on(RadioSet.Changed, "#scope")
    def _scope_chosen(self) -> None:
        minutes = self._input("minutes").parent
        assert isinstance(minutes, Widget)  # noqa: S101
        minutes.display = self._scope() == "minutes"

    def fill(self, draft: Draft) -> None:
        wish = draft.wish
        values = {
            "host": wish.host,
            "path": wish.path,
            "methods": ", ".join(wish.methods),
            "port": str(wish.port),
            "reason": draft.reason,
        }
        for name, value in values.items():
            self._input(name).value = value
        if draft.scope == "minutes":
            self._input("minutes").value = str(draft.minutes)
        buttons = list(self.query(RadioButton))
        buttons[SCOPES.index(draft.scope)].value = True

    def draft(self) -> Draft:
        """What was filled in. Raises UsageError for what cannot be read."""
        scope = self._scope()
        minutes = _number("minutes", self._input("minutes").value) if scope == "minutes" else 0
        methods = tuple(word.upper() for word in self._input("methods").value.replace(",", " ").split())
        port = _number("port", self._input("port").value)
        wish = EgressWish(self._input("host").value.strip(), self._input("path").value.strip(), methods, port)
        return Draft(wish, scope, minutes, self._input("reason").value.strip())

    def approval(self) -> Approval:
        draft = self.draft()
        edited = None if draft.wish == self._begin.wish else draft.wish
        return Approval(draft.scope, draft.minutes, reason=draft.reason, edited=edited)

    def _scope(self) -> Scope:
        pressed = self.query_one("#scope", RadioSet).pressed_index
        return SCOPES[pressed] if pressed >= 0 else "bottle"

    def _input(self, name: str) -> Input:
        return self.query_one(f"#{name}", Input)


def _field(name: str, placeholder: str, value: str) -> Widget:
    """A name and a line to type. What an agent wrote is a value there, and never a name or markup."""
    return Horizontal(
        Static(name, classes="name", markup=False),
        Input(value, placeholder=placeholder, id=name, compact=True),
        classes="field",
    )


def _number(name: str, text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdecimal():
        raise UsageError(f"{name}: a number belongs here")
    return int(text)

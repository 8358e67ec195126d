"""The ports of work that runs beside the screen: who is asked, where the talk goes, and what ends it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, evolve, field

from bottle.app.ports import Stopping, World
from bottle.domain.errors import DeclinedError, SecretMissingError


@define(eq=False)
class ScreenInterruptions:
    """ports.Interruptions: `strike` is what a signal is elsewhere. It raises in the work's thread, and only once."""

    _wanted: threading.Event = field(factory=threading.Event)
    _shields: int = 0
    _raised: bool = False

    def strike(self) -> None:
        """From any thread."""
        self._wanted.set()

    @contextmanager
    def shielded(self) -> Iterator[Stopping]:
        self._shields += 1
        try:
            yield self._wanted.is_set
        finally:
            self._shields -= 1
            self.check()

    def check(self) -> None:
        """Raises the KeyboardInterrupt that is due, if one is."""
        if self._wanted.is_set() and not self._shields and not self._raised:
            self._raised = True
            raise KeyboardInterrupt(signal.SIGINT)


@define
class ScreenProgress:
    """ports.Progress. Each word is also an opportunity to be interrupted: builds are long."""

    _interruptions: ScreenInterruptions
    _step: Callable[[str], None]
    _detail: Callable[[str], None]

    def step(self, text: str) -> None:
        self._interruptions.check()
        self._step(text)

    def detail(self, text: str) -> None:
        self._interruptions.check()
        self._detail(text)


@define
class ScreenOperator:
    """ports.Operator. `ask` shows a screen and waits for it; it is called in the work's thread."""

    _ask: Callable[[str], str | None]

    def confirm(self, question: str) -> bool:
        """Questions are asked before the work begins."""
        raise DeclinedError(f"nobody was asked: {question}")

    def ask_line(self, question: str) -> str | None:  # noqa: ARG002 - the port's
        """The label and the colour were asked for before, too."""
        return None

    def ask_secret(self, name: str) -> str:
        value = self._ask(name)
        if not value:
            raise SecretMissingError(f"no value was typed for {name}")
        if not value.isprintable():
            raise SecretMissingError(f"the value of {name} holds a control character")
        return value


def on_screen(
    world: World,
    interruptions: ScreenInterruptions,
    *,
    ask: Callable[[str], str | None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
    detail: Callable[[str], None] = lambda _: None,
) -> World:
    """The world for work beside the screen."""
    return evolve(
        world,
        operator=ScreenOperator(ask),
        progress=ScreenProgress(interruptions, step, detail),
        interruptions=interruptions,
    )

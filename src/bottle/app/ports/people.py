"""The person at the terminal, and the signals that come from there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias


class Operator(Protocol):
    """The person at the terminal."""

    def confirm(self, question: str) -> bool:
        """Whether the answer is yes. Without a terminal: raises UsageError that says how to answer beforehand."""

    def ask_line(self, question: str) -> str | None:
        """The line that was typed, which may be empty; None without a terminal and where the terminal ended."""

    def ask_secret(self, name: str) -> str:
        """A value typed without echo, never empty. Without a terminal: raises SecretMissingError."""


class Progress(Protocol):
    """Where the talk of a long step goes. Never sees a secret."""

    def step(self, text: str) -> None:
        """A new step begins, in a few words."""

    def detail(self, text: str) -> None:
        """One line of what the step is doing; may be thrown away."""


Stopping: TypeAlias = Callable[[], bool]
"""Whether what is under way is asked to end. Cheap; may be called from any thread."""


class Interruptions(Protocol):
    """Ctrl-C, SIGTERM and a closed terminal. Only the first of them ever raises, a KeyboardInterrupt with the
    signal's number, so that what runs because of it is not interrupted in turn."""

    def shielded(self) -> AbstractContextManager[Stopping]:
        """Inside, no signal raises; one that arrives raises at the end of the block. The value tells whether it did."""

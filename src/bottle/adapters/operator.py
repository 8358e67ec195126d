"""The person at the terminal: asked on stderr, answers from /dev/tty, whatever stdin and stdout are tied to."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bottle.domain.errors import SecretMissingError, UsageError

_LONGEST_LINE = 4095
"""What Linux's terminals keep of a line (N_TTY_BUF_SIZE); the rest of a longer one is lost without a word."""
_TRIES = 3


class TerminalOperator:
    """ports.Operator. `terminal` is the device that the answers come from."""

    def __init__(self, terminal: str = "/dev/tty") -> None:
        self._terminal = terminal

    def confirm(self, question: str) -> bool:
        with self._opened() as descriptor:
            if descriptor is None:
                raise UsageError("no terminal to ask the question on", hint="`--yes` answers it beforehand")
            answer = _ask(descriptor, f"{question} [y/N] ")
        return (answer or "").strip().lower() in ("y", "yes")

    def ask_line(self, question: str) -> str | None:
        with self._opened() as descriptor:
            return None if descriptor is None else _ask(descriptor, question)

    def ask_secret(self, name: str) -> str:
        with self._opened() as descriptor:
            if descriptor is None:
                raise SecretMissingError(
                    f"no terminal to ask for {name} on",
                    hint=f"start from a terminal, or write `{name}: ${{{name}}}` in the bottle and export it",
                )
            value = _ask_without_echo(descriptor, f"{name}: ")
        if not value:
            raise SecretMissingError(f"no value was typed for {name}")
        return _whole(name, value)

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        try:
            descriptor = os.open(self._terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _whole(name: str, value: str) -> str:
    """The value, if it is surely what was meant."""
    if len(value.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
        raise SecretMissingError(
            f"the value of {name} is longer than a terminal takes",
            hint=f"write `{name}: ${{{name}}}` in the bottle and export it",
        )
    if not value.isprintable():
        raise SecretMissingError(
            f"the value of {name} holds a control character", hint="paste it without line ends, tabs and arrow keys"
        )
    return value


def _say(text: str) -> None:
    """Where the terminal was closed, the answer is that there is none."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _ask(descriptor: int, prompt: str) -> str | None:
    _say(prompt)
    answer = _read_line(descriptor)
    if answer is None:
        _say("\n")
    return answer


def _ask_without_echo(descriptor: int, prompt: str) -> str | None:
    """The first line that is not empty; None when the terminal ends or patience does."""
    with _echo_off(descriptor):
        for _ in range(_TRIES):
            _say(prompt)
            try:
                value = _read_line(descriptor)
            finally:
                _say("\n")  # the one that was typed was not shown
            if value or value is None:
                return value
    return None


@contextmanager
def _echo_off(descriptor: int) -> Iterator[None]:
    """Typed keys are not shown. What was typed before was shown, so it is thrown away, as is what comes after the line:
    the rest of a pasted secret must not become the shell's next command."""
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed meanwhile
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


def _read_line(descriptor: int) -> str | None:
    """A line without its end; None where the terminal ends before one began (Ctrl-D, or it was closed)."""
    line = b""
    while not line.endswith(b"\n"):
        try:
            chunk = os.read(descriptor, _LONGEST_LINE + 1)
        except OSError:
            chunk = b""
        if not chunk:
            break
        line += chunk
    return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape") if line else None

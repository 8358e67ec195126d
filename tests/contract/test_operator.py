"""The promises of the port `Operator`, kept at a pseudo-terminal and by the fake."""

import os
import pty
import select
import termios
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from bottle.adapters.fake.operator import FakeOperator
from bottle.adapters.operator import TerminalOperator
from bottle.app.ports import Operator
from bottle.domain.errors import SecretMissingError, UsageError

SECRET = "hunter2-ümläut"


class Typist:
    """Types each line once the terminal's settings and the prompt show that somebody waits for it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.terminal = os.ttyname(self.slave)
        self.before = termios.tcgetattr(self.slave)
        self._threads: list[threading.Thread] = []

    def types(self, *keys: bytes, hidden: bool = False) -> None:
        thread = threading.Thread(target=self._type, args=(keys, hidden))
        thread.start()
        self._threads.append(thread)

    def _type(self, keys: tuple[bytes, ...], hidden: bool) -> None:
        for key in keys:
            deadline = time.monotonic() + 60
            while hidden and termios.tcgetattr(self.slave)[3] & termios.ECHO and time.monotonic() < deadline:
                time.sleep(0.005)
            os.write(self.master, key)
            time.sleep(0.02)

    def echoed(self) -> bytes:
        """What the terminal showed of what was typed."""
        shown = b""
        while select.select([self.master], [], [], 0.05)[0]:
            shown += os.read(self.master, 65536)
        return shown

    def close(self) -> None:
        for thread in self._threads:
            thread.join()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def typist() -> Iterator[Typist]:
    typist = Typist()
    yield typist
    typist.close()


Answering = Callable[[str], Operator]
Entering = Callable[[str], Operator]


@pytest.fixture(params=["terminal", "fake"])
def answering(request: pytest.FixtureRequest, typist: Typist) -> Answering:
    """An operator who types this answer."""

    def real(text: str) -> Operator:
        typist.types(text.encode() + b"\n")
        return TerminalOperator(typist.terminal)

    return real if request.param == "terminal" else lambda text: FakeOperator([text.lower().strip() in ("y", "yes")])


@pytest.fixture(params=["terminal", "fake"])
def entering(request: pytest.FixtureRequest, typist: Typist) -> Entering:
    """An operator who enters this secret whenever asked."""

    def real(text: str) -> Operator:
        typist.types(*[text.encode() + b"\n"] * (1 if text else 3), hidden=True)
        return TerminalOperator(typist.terminal)

    return real if request.param == "terminal" else lambda text: FakeOperator(secrets={"CODE": text})


@pytest.fixture(params=["terminal", "fake"])
def nobody(request: pytest.FixtureRequest) -> Operator:
    return TerminalOperator("/nonexistent/tty") if request.param == "terminal" else FakeOperator(terminal=False)


@pytest.mark.parametrize(
    ("text", "yes"), [("y", True), ("YES", True), (" yes ", True), ("", False), ("n", False), ("yess", False)]
)
def test_only_yes_is_yes(answering: Answering, text: str, yes: bool) -> None:
    assert answering(text).confirm("start it?") is yes


def test_a_secret_is_what_was_entered(entering: Entering) -> None:
    assert entering(SECRET).ask_secret("CODE") == SECRET


def test_a_secret_is_never_empty(entering: Entering) -> None:
    with pytest.raises(SecretMissingError, match="no value was typed for CODE"):
        entering("").ask_secret("CODE")


def test_without_a_terminal_nobody_is_asked(nobody: Operator) -> None:
    with pytest.raises(UsageError) as caught:
        nobody.confirm("start it?")
    assert caught.value.hint is not None
    assert "--yes" in caught.value.hint
    with pytest.raises(SecretMissingError, match="no terminal to ask for CODE"):
        nobody.ask_secret("CODE")


@pytest.mark.parametrize("text", ["port", "", " two words "])
def test_a_line_is_what_was_typed(text: str, typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    typist.types(text.encode() + b"\n")
    assert TerminalOperator(typist.terminal).ask_line("label: ") == text
    assert capsys.readouterr() == ("", "label: ")
    assert FakeOperator(lines=[text]).ask_line("label: ") == text


def test_no_terminal_and_one_that_ended_say_no_line(typist: Typist, nobody: Operator) -> None:
    assert nobody.ask_line("label: ") is None
    typist.types(b"\x04")
    assert TerminalOperator(typist.terminal).ask_line("label: ") is None
    assert FakeOperator().ask_line("label: ") is None


def test_questions_go_to_stderr(typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    typist.types(b"n\n")
    TerminalOperator(typist.terminal).confirm("start it?")
    assert capsys.readouterr() == ("", "start it? [y/N] ")


def test_a_secret_is_not_shown_and_echo_is_restored(typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    typist.types(SECRET.encode() + b"\n", hidden=True)
    TerminalOperator(typist.terminal).ask_secret("CODE")
    assert capsys.readouterr() == ("", "CODE: \n")
    assert b"hunter2" not in typist.echoed()
    assert termios.tcgetattr(typist.slave) == typist.before


def test_an_empty_line_is_asked_again(typist: Typist) -> None:
    typist.types(b"\n", b"late\n", hidden=True)
    assert TerminalOperator(typist.terminal).ask_secret("CODE") == "late"


def test_the_end_of_the_terminal_is_no(typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    typist.types(b"\x04")
    assert TerminalOperator(typist.terminal).confirm("start it?") is False
    assert capsys.readouterr().err.endswith("[y/N] \n")


def test_the_end_of_the_terminal_is_no_secret(typist: Typist) -> None:
    typist.types(b"\x04", hidden=True)
    with pytest.raises(SecretMissingError):
        TerminalOperator(typist.terminal).ask_secret("CODE")
    assert termios.tcgetattr(typist.slave) == typist.before


def test_a_line_that_the_terminal_cut_is_not_taken_for_the_whole(typist: Typist) -> None:
    typist.types(b"x" * 5000 + b"\n", hidden=True)
    with pytest.raises(SecretMissingError, match="longer than a terminal takes"):
        TerminalOperator(typist.terminal).ask_secret("CODE")


def test_a_secret_with_control_characters_is_refused(typist: Typist) -> None:
    typist.types(b"abc\x1b[C\n", hidden=True)
    with pytest.raises(SecretMissingError, match="control character"):
        TerminalOperator(typist.terminal).ask_secret("CODE")


def test_an_interruption_restores_echo(typist: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("bottle.adapters.operator._read_line", broken)
    with pytest.raises(KeyboardInterrupt):
        TerminalOperator(typist.terminal).ask_secret("CODE")
    assert termios.tcgetattr(typist.slave) == typist.before

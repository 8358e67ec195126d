"""Signals become one interruption, which waits while shielded and is never followed by a second."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence

import pytest

from bottle.adapters import relay
from bottle.adapters.fake.interruptions import FakeInterruptions
from bottle.adapters.interruptions import SignalInterruptions

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of the test runner come back."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def strike(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_raises_with_its_number(number: int) -> None:
    SignalInterruptions()
    with pytest.raises(KeyboardInterrupt) as caught:
        strike(number)
    assert caught.value.args == (number,)


def test_the_second_signal_does_nothing() -> None:
    SignalInterruptions()
    with pytest.raises(KeyboardInterrupt):
        strike(signal.SIGINT)
    strike(signal.SIGTERM)


def test_a_shielded_block_comes_to_its_end_first() -> None:
    interruptions, done = SignalInterruptions(), []

    def work() -> None:
        with interruptions.shielded():
            strike(signal.SIGTERM)
            strike(signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert done == ["all"]
    assert caught.value.args == (signal.SIGTERM,)


def test_only_the_outermost_shield_lets_it_through() -> None:
    interruptions, done = SignalInterruptions(), []

    def work() -> None:
        with interruptions.shielded():
            with interruptions.shielded():
                strike(signal.SIGINT)
            done.append("after the inner one")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["after the inner one"]


def test_what_the_caller_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    SignalInterruptions()
    strike(signal.SIGHUP)


def test_the_fake_does_the_same() -> None:
    interruptions, done = FakeInterruptions(), []

    def work() -> None:
        with interruptions.shielded():
            interruptions.strike()
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    interruptions.strike()


class SilentCommand:
    """Keeps `relay.Command`: it says nothing, and its end is no news for an hour."""

    input: int | None = None
    buffered = False

    def __init__(self, output: int) -> None:
        self.outputs: Sequence[int] = (output,)
        self.is_waited_for = threading.Event()

    def prepare(self) -> float:
        self.is_waited_for.set()
        return 3600

    def goes_on(self) -> bool:
        return True

    def read(self, descriptor: int) -> Iterable[tuple[int, bytes]] | None:
        return None

    def send_some(self, data: memoryview) -> int:
        return 0

    def end_input(self) -> None:
        """It has none."""

    def resize(self) -> None:
        """It has no terminal."""


def test_a_signal_that_does_not_break_the_wait_for_a_command_ends_it_all_the_same() -> None:
    """One that comes in the moment before a wait breaks no system call: so does one that another thread receives."""
    SignalInterruptions()
    reader, writer = os.pipe()
    command, caught = SilentCommand(reader), threading.Event()

    def strike_elsewhere() -> None:
        command.is_waited_for.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        if not caught.wait(30):
            os.write(writer, b"it would wait for ever")

    thread = threading.Thread(target=strike_elsewhere)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        relay.join(command, as_terminal=False)
    in_time = thread.is_alive()
    caught.set()
    thread.join()
    os.close(reader)
    os.close(writer)
    assert in_time

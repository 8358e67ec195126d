"""This process's standard streams and a command in a box, joined: keys and input go in, outputs come out."""

import os
import select
import signal
from collections.abc import Iterable, Sequence
from typing import Protocol

from bottle.adapters import terminal

STDIN, STDOUT, STDERR = 0, 1, 2
_CHUNK = 65536


class Command(Protocol):
    """A command under way in some box. The descriptors may change from one question to the next."""

    @property
    def input(self) -> int | None:
        """The descriptor that becomes writable when the command takes input; None when it never will again."""

    @property
    def outputs(self) -> Sequence[int]:
        """The descriptors that become readable when there is something for `read`."""

    @property
    def buffered(self) -> bool:
        """Whether there is something for `read` that no descriptor shows."""

    def prepare(self) -> float:
        """Does what is due before a wait, and says after how many seconds a silence is to be looked into."""

    def goes_on(self) -> bool:
        """Whether the command is still there, after such a silence."""

    def read(self, descriptor: int) -> Iterable[tuple[int, bytes]] | None:
        """What came through this output, each piece with the stream of ours (STDOUT, STDERR) that it belongs to; None
        once the command has ended."""

    def send_some(self, data: memoryview) -> int:
        """Sends what fits at once, and says how much that was. Raises OSError when nobody is there to take it."""

    def end_input(self) -> None:
        """Says that no more input comes."""

    def resize(self) -> None:
        """The terminal has another size."""


def join(command: Command, *, as_terminal: bool) -> None:
    """Until the command has ended. Keys go through unread where it has a terminal; afterwards ours is as it was."""
    with terminal.signals() as signals:
        if not as_terminal:
            _Relay(command, signals).run()
            return
        with terminal.raw(STDIN):
            command.resize()  # it may have changed since the command was started
            _Relay(command, signals).run()


class _Relay:
    """Both directions until the command has ended. Neither waits for the other."""

    def __init__(self, command: Command, signals: int | None) -> None:
        """`signals`: of `terminal.signals`."""
        self._command, self._signals = command, signals
        self._unsent = memoryview(b"")
        self._input_open = True

    def run(self) -> None:
        while True:
            readable, writable = self._wait(self._command.prepare())
            if not readable and not writable and not self._command.goes_on():
                return
            if self._signals in readable and signal.SIGWINCH in os.read(self._signals, _CHUNK):
                self._command.resize()
            if writable:
                self._send()
            if STDIN in readable:
                self._take_input()
            if not self._forward_outputs(readable):
                return

    def _wait(self, seconds: float) -> tuple[list[int], bool]:
        """What can be read, and whether the command takes more input."""
        outputs, takes = self._command.outputs, self._command.input
        watched = [*outputs, *([] if self._signals is None else [self._signals])]
        if self._input_open and takes is not None and not self._unsent:
            watched.append(STDIN)
        early = self._command.buffered
        into = [takes] if self._unsent and takes is not None else []
        readable, writable, _ = select.select(watched, into, [], 0 if early else seconds)
        return [*readable, *(output for output in outputs if early and output not in readable)], bool(writable)

    def _take_input(self) -> None:
        try:
            data = os.read(STDIN, _CHUNK)
        except OSError:
            data = b""  # the terminal is gone
        self._input_open = bool(data)
        self._unsent = memoryview(data)
        if not data:
            self._command.end_input()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._command.send_some(self._unsent) :]
        except OSError:
            self._unsent = memoryview(b"")  # the command takes nothing any more; its output says when it has ended

    def _forward_outputs(self, readable: Iterable[int]) -> bool:
        """Whether there may be more."""
        outputs = self._command.outputs
        for descriptor in [descriptor for descriptor in readable if descriptor in outputs]:
            pieces = self._command.read(descriptor)
            if pieces is None:
                return False
            for stream, content in pieces:
                write(stream, content)
        return True


def write(descriptor: int, data: bytes) -> None:
    """Writes everything, however slow the reader is. Raises OSError when there is none."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # another program made the terminal non-blocking
            select.select([], [descriptor], [])

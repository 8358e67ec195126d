"""Handing this process's standard streams to a command in a box."""

import os
import secrets
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from bottle.adapters import terminal
from bottle.adapters.docker import guest_env, hang_up
from bottle.adapters.docker.commands import AGENT, final_status
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.streams import STDERR as STDERR_FRAME
from bottle.adapters.docker.streams import Channel, Frames
from bottle.domain.errors import BottleError

STDIN, STDOUT, STDERR = 0, 1, 2
_CHUNK = 65536
_SETTLE_SECONDS = 1.0
_SIZE_SECONDS = 0.02
_SILENCE_SECONDS = 3.0


def attach(engine: Engine, box: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs the command as the agent and returns its status; `env` is what a terminal's programs want to know of it."""
    as_terminal = terminal.is_terminal(STDIN)
    mark = secrets.token_hex(8)
    marked = {**(env if as_terminal else {}), hang_up.MARK: mark}
    exec_id = engine.create_exec(box, guest_env.with_env(argv), user=AGENT, tty=as_terminal, env=marked)
    with ExitStack() as stack:
        channel = engine.start_exec(exec_id, tty=as_terminal)
        stack.callback(channel.close)
        try:
            _relay(engine, box, exec_id, channel, stack, as_terminal=as_terminal)
        except KeyboardInterrupt as interruption:
            hang_up.hang_up(engine, box, mark, interruption)
            raise
    return final_status(engine, box, exec_id)


def _relay(engine: Engine, box: str, exec_id: str, channel: Channel, stack: ExitStack, *, as_terminal: bool) -> None:
    def is_alive() -> bool:
        return engine.running(box)

    if as_terminal:
        resized = stack.enter_context(terminal.resizes())
        stack.enter_context(terminal.raw(STDIN))
        _Relay(channel, is_alive, _Screen(engine, exec_id), resized).run()
    else:
        _Relay(channel, is_alive, None, None).run()


class _Screen:
    """Tells the engine of the terminal's size."""

    def __init__(self, engine: Engine, exec_id: str) -> None:
        self._engine, self._exec_id = engine, exec_id
        self._settled = time.monotonic() + _SETTLE_SECONDS

    def follow(self) -> bool:
        """Whether the engine took the size. It refuses before the command has quite started, and after its end."""
        found = terminal.size(STDIN)
        if found is None:
            return True
        try:
            self._engine.resize_exec(self._exec_id, *found)
        except BottleError:
            return time.monotonic() > self._settled
        return True


class _Relay:
    """Both directions until the command's output ends. Neither waits for the other."""

    def __init__(
        self, channel: Channel, is_alive: Callable[[], bool], screen: _Screen | None, resized: int | None
    ) -> None:
        self._channel, self._is_alive, self._screen, self._resized = channel, is_alive, screen, resized
        self._frames = None if screen is not None else Frames()
        self._sized = screen is None
        self._unsent = memoryview(b"")
        self._input_open = True

    def run(self) -> None:
        while True:
            if not self._sized and self._screen is not None:
                self._sized = self._screen.follow()
            readable, writable = self._wait()
            # A box that dies does not always end the stream (seen with gVisor): after a silence it is asked for.
            if not readable and not writable and self._sized and not self._is_alive():
                return
            if self._resized in readable and self._resized is not None:
                os.read(self._resized, _CHUNK)
                self._sized = False
            if writable:
                self._send()
            if STDIN in readable:
                self._take_input()
            if self._channel.fileno() in readable and not self._forward_output():
                return

    def _wait(self) -> tuple[list[int], bool]:
        """What can be read, and whether the command takes more input."""
        channel = self._channel.fileno()
        watched = [channel, *([] if self._resized is None else [self._resized])]
        if self._input_open and not self._unsent:
            watched.append(STDIN)
        timeout = _SILENCE_SECONDS if self._sized else _SIZE_SECONDS
        early = self._channel.buffered
        readable, writable, _ = select.select(watched, [channel] if self._unsent else [], [], 0 if early else timeout)
        return [*readable, *([channel] if early and channel not in readable else [])], bool(writable)

    def _take_input(self) -> None:
        try:
            data = os.read(STDIN, _CHUNK)
        except OSError:
            data = b""  # the terminal is gone
        self._input_open = bool(data)
        self._unsent = memoryview(data)
        if not data:
            self._channel.half_close()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._channel.send_some(self._unsent) :]
        except OSError:
            self._unsent = memoryview(b"")  # the command takes nothing any more; its output says when it has ended

    def _forward_output(self) -> bool:
        """Whether there was some."""
        data = self._channel.read()
        if not data:
            return False
        if self._frames is None:
            _write(STDOUT, data)
            return True
        for stream, content in self._frames.feed(data):
            _write(STDERR if stream == STDERR_FRAME else STDOUT, content)
        return True


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # another program made the terminal non-blocking
            select.select([], [descriptor], [])

"""Handing this process's standard streams to a command in a box."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing

from bottle.adapters import terminal
from bottle.adapters.docker import guest_env, hang_up
from bottle.adapters.docker.commands import AGENT, final_status
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.streams import SILENCE_SECONDS, Channel, Frames
from bottle.adapters.docker.streams import STDERR as STDERR_FRAME
from bottle.adapters.relay import STDERR, STDIN, STDOUT, join
from bottle.domain.errors import BottleError

_SETTLE_SECONDS = 1.0
_SIZE_SECONDS = 0.02


def attach(engine: Engine, box: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs the command as the agent and returns its status; `env` is what a terminal's programs want to know of it."""
    as_terminal = terminal.is_terminal(STDIN)
    mark = secrets.token_hex(8)
    marked = {**(env if as_terminal else {}), hang_up.MARK: mark}
    exec_id = engine.create_exec(box, guest_env.with_env(argv), user=AGENT, tty=as_terminal, env=marked)
    with closing(engine.start_exec(exec_id, tty=as_terminal)) as channel:
        screen = _Screen(engine, exec_id) if as_terminal else None
        try:
            join(_Command(channel, lambda: engine.running(box), screen), as_terminal=as_terminal)
        except KeyboardInterrupt as interruption:
            hang_up.hang_up(engine, box, mark, interruption)
            raise
    return final_status(engine, box, exec_id)


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


class _Command:
    """The command behind a channel (keeps `relay.Command`). Without a screen its outputs come in frames."""

    def __init__(self, channel: Channel, is_alive: Callable[[], bool], screen: _Screen | None) -> None:
        self._channel, self._is_alive, self._screen = channel, is_alive, screen
        self._frames = None if screen is not None else Frames()
        self._is_sized = screen is None

    @property
    def input(self) -> int | None:
        return self._channel.fileno()

    @property
    def outputs(self) -> Sequence[int]:
        return (self._channel.fileno(),)

    @property
    def buffered(self) -> bool:
        return self._channel.buffered

    def prepare(self) -> float:
        if not self._is_sized and self._screen is not None:
            self._is_sized = self._screen.follow()
        return SILENCE_SECONDS if self._is_sized else _SIZE_SECONDS

    def goes_on(self) -> bool:
        """A box that dies does not always end the stream (seen with gVisor), so it is asked for."""
        return not self._is_sized or self._is_alive()

    def read(self, _descriptor: int) -> Iterable[tuple[int, bytes]] | None:
        data = self._channel.read()
        if not data:
            return None
        if self._frames is None:
            return [(STDOUT, data)]
        return [(STDERR if stream == STDERR_FRAME else STDOUT, content) for stream, content in self._frames.feed(data)]

    def send_some(self, data: memoryview) -> int:
        return self._channel.send_some(data)

    def end_input(self) -> None:
        self._channel.half_close()

    def resize(self) -> None:
        self._is_sized = self._screen is None

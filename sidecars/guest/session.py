"""One command of the agent's, between the streams that it has here and whoever waits for it outside."""

import os
import select
import signal
import termios
import time
from typing import Any

from sidecars.guest import frames
from sidecars.guest.frames import DamagedError, Frames
from sidecars.guest.settings import Settings
from sidecars.init import children, family
from sidecars.init.jobs import GRACE, Ending, Job

_CHUNK = 65536
_MOST_UNREAD = 1024 * 1024
_AGAIN = 0.2
_WAIT = 60_000  # milliseconds
_READS_AFTER_THE_END = 64  # more than the fullest pipes hold; what comes then is of processes that were left behind


class Session:
    """The command is started at once, and ends with whoever waits for it."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """`asked`: {"argv", "env", "cwd", "terminal"}. Raises OSError, DamagedError."""
        settings = Settings()
        mark = os.urandom(8).hex()
        try:
            argv, terminal = [str(word) for word in asked["argv"]], asked.get("terminal")
            env = {**os.environ, **settings.env, **asked.get("env", {}), family.MARK: mark}
        except (KeyError, TypeError):
            raise DamagedError from None
        cwd = asked.get("cwd") or settings.directory
        self._outputs: dict[int, bytes] = {}
        self._input: int | None = None
        given = self._open_terminal(terminal) if terminal else self._open_pipes()

        def work() -> None:
            settings.become_agent()
            children.become(argv, env, cwd, given)

        child = children.fork(work, given)
        for descriptor in given:
            os.close(descriptor)
        self._job = Job(child, f"{family.MARK}={mark}")
        self._handle = os.pidfd_open(child.pid)
        self._unread = bytearray()
        self._input_ends = False

    def run(self, pieces: Frames, early: list[tuple[bytes, bytes]]) -> dict[str, object]:
        """How it ended. Raises DamagedError, OSError when nobody waits any more; then the command is ended too."""
        try:
            self._take(early)
            while not self._turn(pieces):
                pass
            status = os.waitpid(self._job.child.pid, 0)[1]
            self._say_the_rest()
            return self._outcome(status)
        except BaseException:
            _end(self._job.abandon())
            raise

    def _turn(self, pieces: Frames) -> bool:
        """Waits for something to do, and does it. Whether the command has ended."""
        ready = self._poll()
        if self._input is not None and self._input in ready:
            self._feed()
        for descriptor in [one for one in self._outputs if one in ready]:
            self._say(descriptor)
        if 0 in ready:
            data = os.read(0, _CHUNK)
            if not data:
                raise BrokenPipeError
            self._take(pieces.feed(data))
        return self._handle in ready

    def _poll(self) -> set[int]:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        poll.register(0, select.POLLIN if len(self._unread) < _MOST_UNREAD else 0)  # its end is told all the same
        for descriptor in self._outputs:
            poll.register(descriptor, select.POLLIN)
        if self._input is not None and self._unread:
            both = select.POLLIN if self._input in self._outputs else 0
            poll.register(self._input, select.POLLOUT | both)
        return {descriptor for descriptor, _ in poll.poll(_WAIT)}

    # The streams.

    def _open_pipes(self) -> tuple[int, ...]:
        (its_input, input_), (output, its_output), (errors, its_errors) = (os.pipe() for _ in range(3))
        self._input = input_
        self._outputs = {output: frames.OUTPUT, errors: frames.ERRORS}
        for descriptor in (input_, output, errors):
            os.set_blocking(descriptor, False)
        return its_input, its_output, its_errors

    def _open_terminal(self, size: Any) -> tuple[int, ...]:
        rows, columns = size
        steering, its_side = children.open_terminal(int(rows), int(columns))
        self._input = steering
        self._outputs = {steering: frames.OUTPUT}
        os.set_blocking(steering, False)
        return (its_side,)

    @property
    def _is_terminal(self) -> bool:
        return self._input in self._outputs

    def _feed(self) -> None:
        """Gives the command what it takes of its input, and closes that behind the last of it."""
        if self._input is None:
            return
        try:
            if self._unread:
                del self._unread[: os.write(self._input, self._unread)]
        except BlockingIOError:
            return
        except OSError:
            self._unread.clear()  # it takes nothing any more; its end says the rest
        if self._input_ends and not self._unread and not self._is_terminal:
            os.close(self._input)
            self._input = None

    def _say(self, descriptor: int) -> bool:
        """Passes on what the command said. Whether there may be more."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # a terminal that nobody has open any more
            data = b""
        if data:
            frames.send(1, self._outputs[descriptor], data)
            return True
        if not self._is_terminal:
            os.close(descriptor)
        del self._outputs[descriptor]
        return False

    def _say_the_rest(self) -> None:
        reads = _READS_AFTER_THE_END
        for descriptor in list(self._outputs):
            while reads and self._say(descriptor):
                reads -= 1

    # Whoever waits.

    def _take(self, pieces: list[tuple[bytes, bytes]]) -> None:
        for kind, content in pieces:
            match kind:
                case frames.INPUT if self._input is not None and not self._input_ends:
                    self._unread += content
                case frames.END_OF_INPUT:
                    self._input_ends = True
                case frames.SIZE if self._is_terminal and self._input is not None:
                    _resize(self._input, frames.document(content))
                case frames.SIGNAL:
                    self._job.send(_signal_number(frames.document(content)))
                case _:
                    pass  # for a stream that has ended
        self._feed()

    def _outcome(self, status: int) -> dict[str, object]:
        told = self._job.outcome(status)
        if complaint := told.pop("error", ""):
            frames.send(1, frames.ERRORS, f"{complaint}\n".encode())
        return told


def _resize(terminal: int, size: dict[str, object]) -> None:
    rows, columns = size.get("rows"), size.get("columns")
    if isinstance(rows, int) and isinstance(columns, int):
        termios.tcsetwinsize(terminal, (rows, columns))


def _signal_number(asked: dict[str, object]) -> int:
    number = asked.get("number")
    if not isinstance(number, int) or number not in signal.valid_signals():
        raise DamagedError
    return number


def _end(endings: list[Ending]) -> None:
    """A moment for a command that was told that nobody waits, then its end."""
    time.sleep(GRACE)
    while endings:
        endings = [ending for ending in endings if ending.kill()]
        time.sleep(_AGAIN)

"""A command under way in a box: its streams on this side, its signals, and its end. Both kinds keep `relay.Command`."""

import fcntl
import os
import signal
import termios
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bottle.adapters import terminal
from bottle.adapters.bubblewrap.messages import ANSWER_SECONDS, GoneError, Session, nonsense, told
from bottle.adapters.relay import STDERR, STDIN, STDOUT
from bottle.domain.errors import BackendError

_CHUNK = 65536
_SILENCE_SECONDS = 60.0
_SETTLE_SECONDS = 0.2
_READS_AFTER_THE_END = 64  # more than the fullest pipes hold; what comes then is of processes that were left behind
_TIOCGPTN = 0x80045430  # asm-generic/ioctls.h; answered by the steering end of a terminal alone
_USUAL_SIZE = (24, 80)


class _Command:
    """What both kinds have in common: the connection, and an end that is told apart from the end of the outputs."""

    buffered = False

    def __init__(self, session: Session, outputs: Mapping[int, int], input_: int | None) -> None:
        """`outputs`: which of our streams each descriptor belongs to. All of them are the command's to close."""
        self._session = session
        self._outputs = dict(outputs)
        self._input = input_
        self._status: int | None = None
        self._is_gone = False
        self._reads_left = _READS_AFTER_THE_END
        self.complaint = ""
        for descriptor in {*outputs, *([] if input_ is None else [input_])}:
            os.set_blocking(descriptor, False)
        try:
            self._take(session.message())  # it may have come together with the start
        except BackendError:
            self.close()
            raise

    @property
    def input(self) -> int | None:
        return self._input

    @property
    def outputs(self) -> Sequence[int]:
        return (*(() if self._has_ended else (self._session.fileno(),)), *self._outputs)

    def prepare(self) -> float:
        return _SETTLE_SECONDS if self._has_ended else _SILENCE_SECONDS

    def goes_on(self) -> bool:
        return not self._has_ended

    def read(self, descriptor: int) -> Iterable[tuple[int, bytes]] | None:
        """The end of the command is not the end of what it said; what others say for it afterwards has a limit."""
        pieces: Iterable[tuple[int, bytes]] = ()
        if descriptor == self._session.fileno():
            self._hear()
        elif descriptor in self._outputs:
            pieces = self._output(descriptor)
        if self._has_ended and not pieces and not self._outputs:
            return None
        if self._has_ended:
            self._reads_left -= 1
        return pieces if self._reads_left else None

    def send_some(self, data: memoryview) -> int:
        if self._input is None:
            raise BrokenPipeError
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            return 0

    def end_input(self) -> None:
        raise NotImplementedError

    def resize(self) -> None:
        """Only a terminal has a size."""

    def pass_on(self, interruption: KeyboardInterrupt) -> None:
        """Sends the signal that the interruption carries to the command and all that it started."""
        self._session.say({"signal": int(next(iter(interruption.args), signal.SIGINT))})

    def result(self) -> int:
        """The status of a command that has ended. Raises GoneError when it ended because the box did."""
        if self._status is None:
            raise GoneError
        return self._status

    def close(self) -> None:
        """Lets go of the streams; a command that has not ended is ended by this."""
        for descriptor in {*self._outputs, *([] if self._input is None else [self._input])}:
            os.close(descriptor)
        self._outputs, self._input = {}, None
        self._session.close()

    @property
    def _has_ended(self) -> bool:
        return self._is_gone or self._status is not None

    def _hear(self) -> None:
        try:
            self._session.receive()
        except GoneError:
            self._is_gone = True
        else:
            self._take(self._session.message())

    def _take(self, message: Mapping[str, object] | None) -> None:
        if message is not None:
            self._status = _status(message)
            self.complaint = told(message["error"]) if "error" in message else ""

    def _output(self, descriptor: int) -> Iterable[tuple[int, bytes]]:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return ()
        except OSError:
            data = b""  # so ends a terminal that nobody has open any more
        if data:
            return [(self._outputs[descriptor], data)]
        self._forget(descriptor)
        return ()

    def _forget(self, descriptor: int) -> None:
        del self._outputs[descriptor]
        os.close(descriptor)


class PipedCommand(_Command):
    """A command with three pipes."""

    def __init__(self, path: Path, argv: Sequence[str], cwd: str | None) -> None:
        """Starts it. Raises BackendError."""
        near, far = _pipes()
        try:
            session = _started(path, _request(argv, cwd, {}, None), far)
        except BaseException:
            _close(near)
            raise
        finally:
            _close(far)
        super().__init__(session, {near[1]: STDOUT, near[2]: STDERR}, near[0])

    def send_some(self, data: memoryview) -> int:
        try:
            return super().send_some(data)
        except OSError:
            self.end_input()  # the command does not read its input to the end: its own affair
            raise

    def end_input(self) -> None:
        if self._input is not None:
            os.close(self._input)
            self._input = None


class TerminalCommand(_Command):
    """A command on a terminal of the box's own, which is steered from here."""

    def __init__(self, path: Path, argv: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        """Starts it. Raises BackendError."""
        rows, columns = terminal.size(STDIN) or _USUAL_SIZE
        session = _started(path, _request(argv, cwd, env, {"rows": rows, "columns": columns}), (), descriptors=1)
        try:
            self._master = _checked(session.take_descriptor())
        except BaseException:
            session.close()
            raise
        super().__init__(session, {self._master: STDOUT}, self._master)

    def end_input(self) -> None:
        """The person's terminal is gone. The command's own goes with the connection."""

    def resize(self) -> None:
        size = terminal.size(STDIN)
        if size is not None and self._master in self._outputs:
            termios.tcsetwinsize(self._master, size)

    def _forget(self, descriptor: int) -> None:
        self._input = None
        super()._forget(descriptor)


def _request(
    argv: Sequence[str], cwd: str | None, env: Mapping[str, str], size: Mapping[str, int] | None
) -> Mapping[str, object]:
    return {"do": "run", "argv": list(argv), "env": dict(env), "cwd": cwd, "terminal": size}


def _started(path: Path, request: Mapping[str, object], given: Sequence[int], *, descriptors: int = 0) -> Session:
    session = Session(path, request, given)
    try:
        _require_started(session.wait(time.monotonic() + ANSWER_SECONDS, descriptors))
    except BaseException:
        session.close()
        raise
    return session


def _require_started(answer: Mapping[str, object]) -> None:
    if "error" in answer:
        raise BackendError(f"the box cannot run it: {told(answer['error'])}")
    if "started" not in answer:
        raise nonsense()


def _status(message: Mapping[str, object]) -> int:
    status = message.get("status")
    if not isinstance(status, int) or isinstance(status, bool) or not 0 <= status <= 0xFF:
        raise nonsense()
    return status


def _checked(descriptor: int) -> int:
    """The steering end of a terminal: anything else could be read and written with consequences. Raises BackendError,
    and closes what it is not."""
    try:
        if os.isatty(descriptor):
            fcntl.ioctl(descriptor, _TIOCGPTN, bytes(4))
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    raise nonsense()


def _pipes() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Our ends and the command's, each in the order of the streams."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    return (write_in, read_out, read_err), (read_in, write_out, write_err)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)

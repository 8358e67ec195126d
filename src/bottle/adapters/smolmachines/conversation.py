"""A command under way in a virtual machine, spoken to through the program that `sidecars/guest` is there.

Its streams, its terminal's size, signals and its status are frames (sidecars/guest/frames.py) on the two pipes of one
`smolvm machine exec -i`, so that a status is the command's own and never that of `smolvm`, and what `smolvm` itself
warns of does not get in between. The request is a frame as well: no argument list of this host shows it.
"""

import json
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bottle.adapters import terminal
from bottle.adapters.process import Piped
from bottle.adapters.relay import STDERR, STDIN, STDOUT
from bottle.adapters.smolmachines.smolvm import KILLED, Smolvm, told
from bottle.domain.errors import BackendError

GUEST_LIBRARY: Final = "/opt/bottle/lib"
_LINE: Final = f"import sys; sys.path[:0] = ['{GUEST_LIBRARY}']; from sidecars.guest.main import main; main()"
GUEST: Final = ("/usr/bin/env", "python3", "-I", "-S", "-B", "-c", _LINE)
"""The guest's side, in the machine."""

_HEAD, _INPUT, _END_OF_INPUT, _SIZE, _SIGNAL = b"h", b"i", b"e", b"w", b"s"
_BEGAN, _OVER = b"b", b"x"
_STREAMS: Final = {b"1": STDOUT, b"2": STDERR}
_PREFIX: Final = 5
_LONGEST: Final = 64 * 1024 * 1024
_CHUNK: Final = 65536
_BEGIN_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 60.0
_UNSENT_SECONDS: Final = 0.02
_USUAL_SIZE: Final = (24, 80)
_MOST_SAID: Final = 65536


class _NotBegunError(Exception):
    """The command was killed before it had read its request: it can be asked again."""


class Conversation:
    """Keeps `relay.Command`."""

    def __init__(self, program: Piped, head: Mapping[str, object]) -> None:
        self._program = program
        self._unsent = _frame(_HEAD, json.dumps(head).encode())
        self._heard = bytearray()
        self._said = bytearray()
        self._early: list[tuple[int, bytes]] = []
        self._has_begun = self._is_over = self._input_has_ended = False
        self._outputs = [program.output, program.errors]
        self._how: Mapping[str, object] = {}

    @property
    def input(self) -> int | None:
        return None if self._input_has_ended or self._is_over else self._program.input

    @property
    def outputs(self) -> Sequence[int]:
        return self._outputs

    @property
    def buffered(self) -> bool:
        return False  # what came with the beginning is told with what comes next, and there is always an end

    def prepare(self) -> float:
        self._flush()
        return _UNSENT_SECONDS if self._unsent else _SILENCE_SECONDS

    def goes_on(self) -> bool:
        return True

    def read(self, descriptor: int) -> Iterable[tuple[int, bytes]] | None:
        data = os.read(descriptor, _CHUNK)
        if descriptor == self._program.errors:
            self._said = (self._said + data)[-_MOST_SAID:]
            if not data:
                self._outputs.remove(descriptor)
            return ()
        self._heard += data
        pieces = [*self._early, *self._pieces()]
        self._early = []
        return pieces if data or pieces else None

    def send_some(self, data: memoryview) -> int:
        self._flush()
        if self._unsent:
            return 0
        chunk = bytes(data[:_CHUNK])
        self._say(_INPUT, chunk)
        return len(chunk)

    def end_input(self) -> None:
        if not self._input_has_ended:
            self._input_has_ended = True
            self._say(_END_OF_INPUT)

    def resize(self) -> None:
        rows, columns = terminal.size(STDIN) or _USUAL_SIZE
        self._say(_SIZE, json.dumps({"rows": rows, "columns": columns}).encode())

    def pass_on(self, interruption: KeyboardInterrupt) -> None:
        """Sends the signal that the interruption carries to the command and all that it started."""
        number = int(next(iter(interruption.args), signal.SIGINT))
        self._say(_SIGNAL, json.dumps({"number": number}).encode())

    def begin(self) -> None:
        """Returns once the command's request was read. Raises _NotBegunError, BackendError."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        while not self._has_begun and not self._is_over:
            left = deadline - time.monotonic()
            if left <= 0:
                raise BackendError("the box does not answer")
            into = [self._program.input] if self._unsent else []
            readable, _, _ = select.select(self._outputs, into, [], min(left, self.prepare()))
            for descriptor in readable:
                pieces = self.read(descriptor)
                if pieces is None:
                    self._explain()
                self._early += pieces or ()

    def result(self) -> int:
        """The status of a command that has ended. Raises BackendError when it ended because the box did."""
        status = self._how.get("status")
        if isinstance(status, int):
            return status
        if "error" in self._how:
            raise BackendError(f"the box cannot run it: {told(str(self._how['error']).encode(errors='replace'))}")
        raise self._gone()

    def close(self) -> None:
        """Lets go; a command that has not ended is ended by this."""
        self._program.close()

    def _explain(self) -> None:
        """The program ended without a word of the guest's."""
        if self._status() == KILLED:
            raise _NotBegunError
        raise self._gone()

    def _gone(self) -> BackendError:
        reason = told(bytes(self._said)) if self._said else "it says nothing any more"
        return BackendError(f"the box went away: {reason}", hint="`bottle list` says what still runs")

    def _status(self) -> int:
        try:
            return self._program.wait(_END_SECONDS)
        except TimeoutError:
            return 1

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """What the frames that are whole now say of the command."""
        while len(self._heard) >= _PREFIX:
            kind, end = bytes(self._heard[:1]), _PREFIX + int.from_bytes(self._heard[1:_PREFIX], "big")
            if end > _LONGEST:
                raise _nonsense()
            if len(self._heard) < end:
                return
            content = bytes(self._heard[_PREFIX:end])
            del self._heard[:end]
            if kind in _STREAMS:
                yield _STREAMS[kind], content
            else:
                self._take(kind, content)

    def _take(self, kind: bytes, content: bytes) -> None:
        if kind == _BEGAN:
            self._has_begun = True
        elif kind == _OVER:
            self._is_over = True
            self._how = _object(content)
        else:
            raise _nonsense()

    def _say(self, kind: bytes, content: bytes = b"") -> None:
        self._unsent += _frame(kind, content)
        self._flush()

    def _flush(self) -> None:
        """Sends what fits. What a program that is gone was to hear is dropped."""
        try:
            self._unsent = self._unsent[os.write(self._program.input, self._unsent) :] if self._unsent else b""
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""


def begun(smolvm: Smolvm, machine: str, head: Mapping[str, object]) -> Conversation:
    """A conversation about what the head asks for, which the guest has read.

    The first command after a boot may be killed before it begins; it is asked for once more, and only then: what has
    begun is never done twice. Raises BackendError.
    """
    try:
        return _asked(smolvm, machine, head)
    except _NotBegunError:
        pass
    try:
        return _asked(smolvm, machine, head)
    except _NotBegunError:
        hint = "end this bottle and start another"
        raise BackendError("the box ends every command before it begins", hint=hint) from None


def _asked(smolvm: Smolvm, machine: str, head: Mapping[str, object]) -> Conversation:
    conversation = Conversation(smolvm.talk(machine, GUEST), head)
    try:
        conversation.begin()
    except BaseException:
        conversation.close()
        raise
    return conversation


def _frame(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "big") + content


def _object(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _nonsense() from None
    if not isinstance(found, dict):
        raise _nonsense()
    return found


def _nonsense() -> BackendError:
    return BackendError("the box answered what makes no sense", hint="end this bottle and start another")

"""A command in a box without a terminal: its input sent while its outputs are heard, until both have ended."""

import select
import time

from bottle.adapters.relay import STDERR, STDOUT, Command
from bottle.app.ports import Heard
from bottle.domain.errors import BackendError

_LONGEST_OUTPUT = 1024**3


class Outputs:
    """What a command says, up to a limit."""

    def __init__(self) -> None:
        self.of = {STDOUT: bytearray(), STDERR: bytearray()}

    def take(self, stream: int, content: bytes) -> None:
        self.of[stream] += content
        if sum(map(len, self.of.values())) > _LONGEST_OUTPUT:
            raise BackendError("a command in the box said more than can be taken")


def converse(command: Command, stdin: bytes, deadline: float, heard: Heard) -> None:
    """Sends the input while the outputs are read to their end. Raises TimeoutError at the deadline (monotonic)."""
    unsent = memoryview(stdin)
    while True:
        if not unsent:
            command.end_input()
        readable, writable = _wait(command, deadline)
        if not readable and not writable and not command.goes_on():
            return
        if writable:
            unsent = _sent(command, unsent)
        for descriptor in readable:
            pieces = command.read(descriptor)
            if pieces is None:
                return
            for stream, content in pieces:
                heard(stream, content)


def _wait(command: Command, deadline: float) -> tuple[list[int], bool]:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    into = [] if command.input is None else [command.input]
    readable, writable, _ = select.select(command.outputs, into, [], min(command.prepare(), left))
    return readable, bool(writable)


def _sent(command: Command, unsent: memoryview) -> memoryview:
    try:
        return unsent[command.send_some(unsent) :]
    except OSError:
        return unsent[len(unsent) :]

"""Two-way connections to a process in a container, and the frames in which its outputs come."""

import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from bottle.domain.errors import BackendError

STDOUT = 1
STDERR = 2
_HEADER = struct.Struct(">BxxxL")
_CHUNK = 65536
SILENCE_SECONDS = 3.0
"""After which it is asked whether a box is still there."""


class Channel:
    """One hijacked connection. Owns it until `close`."""

    def __init__(self, connection: Any) -> None:
        # What the SDK gives is the raw side of a buffered reader that may have read further than the answer's header:
        # the first bytes of the output would be lost without a look into that buffer.
        self._response = getattr(connection, "_response", None)
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._early = self._drained()
        self._socket.settimeout(None)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def buffered(self) -> bool:
        """Whether something was read already that no `select` would show."""
        return bool(self._early or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()))

    def ready(self, timeout: float | None) -> bool:
        """Whether a read will not wait, after at most `timeout` seconds."""
        if self.buffered:
            return True
        return bool(select.select([self._socket], [], [], None if timeout is None else max(timeout, 0))[0])

    def read(self) -> bytes:
        """What has arrived; empty at the end. A connection that breaks has ended."""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            return self._socket.recv(_CHUNK)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Sends everything; raises BackendError when nobody is there to take it."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise BackendError("the connection into the container broke") from error

    def send_some(self, data: memoryview) -> int:
        """Sends what fits at once, and says how much that was. Raises OSError when nobody is there to take it."""
        self._socket.setblocking(False)
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        finally:
            self._socket.settimeout(None)

    def half_close(self) -> None:
        """Says that no more input comes. (TLS can end the whole connection alone: there the input stays open.)"""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._socket.close()

    def _drained(self) -> bytes:
        reader = getattr(getattr(getattr(self._response, "raw", None), "_fp", None), "fp", None)
        if reader is None:
            return b""
        self._socket.setblocking(False)
        try:
            buffered: bytes = reader.peek()
            return bytes(reader.read(len(buffered))) if buffered else b""
        except OSError:
            return b""


class Frames:
    """Takes bytes of a multiplexed connection, gives (stream, content) pairs."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            stream, length = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            content = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield stream, content


def converse(channel: Channel, stdin: bytes, deadline: float) -> tuple[bytes, bytes]:
    """Both outputs, in full. Raises TimeoutError at the deadline (monotonic)."""
    outputs = {STDOUT: bytearray(), STDERR: bytearray()}
    for stream, content in spoken(channel, stdin, deadline):
        outputs[stream] += content
    return bytes(outputs[STDOUT]), bytes(outputs[STDERR])


def spoken(
    channel: Channel, stdin: bytes, deadline: float, goes_on: Callable[[], bool] = lambda: True
) -> Iterator[tuple[int, bytes]]:
    """Sends the input while the outputs are read to their end: the pieces, with the stream of each. Raises TimeoutError
    at the deadline (monotonic), and what `goes_on` raises, which is asked in a long silence whether the box does."""
    frames = Frames()
    unsent = memoryview(stdin)
    if not unsent:
        channel.half_close()
    while True:
        if unsent:
            unsent = _send_some(channel, unsent, deadline)
        if channel.ready(0 if unsent else min(deadline - time.monotonic(), SILENCE_SECONDS)):
            data = channel.read()
            if not data:
                return
            yield from ((STDERR if stream == STDERR else STDOUT, content) for stream, content in frames.feed(data))
        elif not unsent and not goes_on():
            return
        if time.monotonic() > deadline:
            raise TimeoutError


def _send_some(channel: Channel, unsent: memoryview, deadline: float) -> memoryview:
    """Sends what fits without waiting for more than one side; half-closes after the last byte."""
    _, writable, _ = select.select([channel], [channel], [], max(deadline - time.monotonic(), 0))
    if not writable:
        return unsent
    try:
        unsent = unsent[channel.send_some(unsent[:_CHUNK]) :]
    except OSError:
        return unsent[len(unsent) :]  # the process does not read its input to the end: its own affair
    if not unsent:
        channel.half_close()
    return unsent

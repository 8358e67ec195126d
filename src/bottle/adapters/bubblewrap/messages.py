"""Talking to the first process of a box (sidecars/init): one connection a request. Nothing it says is taken on trust.

A message is four bytes of length and a JSON object; descriptors come with its first byte.
"""

import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bottle.domain.errors import BackendError

ANSWER_SECONDS = 15.0
_LENGTH = 4
_LONGEST_REQUEST = 16 * 1024 * 1024
_LONGEST_ANSWER = 64 * 1024
_CHUNK = 65536
_TOLD = 300


class GoneError(BackendError):
    """Nobody is there any more to answer."""

    def __init__(self) -> None:
        super().__init__("the box went away", hint="`bottle list` says what still runs")


class Session:
    """One connection with one request, made on opening. Owns what it received until it is taken."""

    def __init__(self, path: Path, request: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """Raises BackendError."""
        message = _packed(request)
        self._heard = bytearray()
        self._received: list[int] = []
        self._link = _connected(path)
        try:
            sent = socket.send_fds(self._link, [message], descriptors)
            if sent < len(message):
                self._link.sendall(message[sent:])
        except BrokenPipeError:
            pass  # what cannot be taken is answered before it has arrived
        except OSError as error:
            self._link.close()
            raise GoneError from error

    def fileno(self) -> int:
        return self._link.fileno()

    def say(self, message: Mapping[str, object]) -> None:
        """Whether it arrives is not known."""
        try:
            self._link.sendall(_packed(message))
        except OSError:
            pass

    def receive(self, descriptors: int = 0) -> None:
        """Takes what has arrived, with at most so many descriptors. Raises GoneError at the end of the connection,
        BackendError for more than an answer can be."""
        flags = 0
        try:
            if descriptors:
                data, received, flags, _ = socket.recv_fds(self._link, _CHUNK, descriptors, socket.MSG_CMSG_CLOEXEC)
                self._received += received
            else:
                data = self._link.recv(_CHUNK)  # the kernel throws away what comes with it
        except OSError as error:
            raise GoneError from error
        if not data:
            raise GoneError
        self._heard += data
        if flags & socket.MSG_CTRUNC or len(self._received) > descriptors or len(self._heard) > 2 * _LONGEST_ANSWER:
            raise nonsense()

    def message(self) -> dict[str, object] | None:
        """The next whole message, None while it is not there. Raises BackendError for what is none."""
        if len(self._heard) < _LENGTH:
            return None
        end = _LENGTH + int.from_bytes(self._heard[:_LENGTH], "big")
        if end > _LONGEST_ANSWER:
            raise nonsense()
        if len(self._heard) < end:
            return None
        content = bytes(self._heard[_LENGTH:end])
        del self._heard[:end]
        return _object(content)

    def wait(self, deadline: float, descriptors: int = 0) -> dict[str, object]:
        """The next message. Raises BackendError at the deadline (monotonic) and when the box is gone."""
        try:
            while (message := self.message()) is None:
                self._link.settimeout(max(deadline - time.monotonic(), 0.001))
                self._receive_before(deadline, descriptors)
        finally:
            self._link.settimeout(ANSWER_SECONDS)
        return message

    def take_descriptor(self) -> int:
        """The one that came, now the caller's to close. Raises BackendError."""
        if len(self._received) != 1:
            raise nonsense()
        return self._received.pop()

    def close(self) -> None:
        """A command that has not ended yet is ended by this."""
        for descriptor in self._received:
            os.close(descriptor)
        self._received = []
        self._link.close()

    def _receive_before(self, deadline: float, descriptors: int) -> None:
        try:
            self.receive(descriptors)
        except GoneError as error:
            if time.monotonic() < deadline:
                raise
            raise BackendError("the box did not answer in time") from error


def told(value: object) -> str:
    """What the box says of an error, fit for a terminal."""
    text = value if isinstance(value, str) else "it does not say why"
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_TOLD])


def nonsense() -> BackendError:
    return BackendError("the box answered what makes no sense", hint="end this bottle and start another")


def _connected(path: Path) -> socket.socket:
    """Raises BackendError. Where many ask at once the line is full for a moment."""
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(ANSWER_SECONDS)
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            link.connect(os.fspath(path))
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            link.close()
            raise BackendError("the box does not answer") from error
        except OSError as error:
            link.close()
            raise GoneError from error
        return link


def _packed(message: Mapping[str, object]) -> bytes:
    content = json.dumps(message).encode("ascii")
    if len(content) > _LONGEST_REQUEST:
        raise BackendError("this is too much for one request to a box")
    return len(content).to_bytes(_LENGTH, "big") + content


def _object(content: bytes) -> dict[str, object]:
    try:
        message = json.loads(content)
    except (ValueError, RecursionError):
        raise nonsense() from None
    if not isinstance(message, dict):
        raise nonsense()
    return message

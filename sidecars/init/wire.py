"""Messages on a Unix socket: four bytes of length, then JSON; descriptors come with the first bytes of a message."""

import json
import os
import socket

LIMIT = 16 * 1024 * 1024
_LENGTH = 4
_CHUNK = 65536
_DESCRIPTORS = 8


class BadRequestError(Exception):
    """What a client sent makes no sense. The message quotes nothing of it."""


class Connection:
    """One client. Never waits for it: what it does not send or take at once is its own loss."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link
        self._buffer = bytearray()
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self._link.fileno()

    def receive(self) -> bool:
        """Takes what has arrived; False once the client is gone. Raises BadRequestError."""
        try:
            data, ancillary, flags, _ = self._link.recvmsg(
                _CHUNK, socket.CMSG_SPACE(4 * _DESCRIPTORS), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return True
        except OSError:
            return False
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors += memoryview(content[: len(content) // 4 * 4]).cast("i").tolist()
        if flags & socket.MSG_CTRUNC or len(self._descriptors) > _DESCRIPTORS:
            raise BadRequestError("the descriptors did not all arrive")
        self._buffer += data
        return bool(data)

    def document(self) -> dict[str, object] | None:
        """The next whole message, None while it is not there. Raises BadRequestError."""
        if len(self._buffer) < _LENGTH:
            return None
        end = _LENGTH + int.from_bytes(self._buffer[:_LENGTH], "big")
        if end > _LENGTH + LIMIT:
            raise BadRequestError("the request is too long")
        if len(self._buffer) < end:
            return None
        content = bytes(self._buffer[_LENGTH:end])
        del self._buffer[:end]
        return _object(content)

    def take_descriptors(self, count: int) -> list[int]:
        """Exactly so many, now the caller's to close. Raises BadRequestError."""
        if len(self._descriptors) != count:
            raise BadRequestError(f"{count} descriptors are needed, {len(self._descriptors)} came")
        taken, self._descriptors = self._descriptors, []
        return taken

    def answer(self, document: dict[str, object], descriptors: tuple[int, ...] = ()) -> bool:
        """Whether the client took it."""
        content = json.dumps(document).encode("ascii")
        message = len(content).to_bytes(_LENGTH, "big") + content
        try:
            return socket.send_fds(self._link, [message], descriptors) == len(message)
        except OSError:
            return False

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        self._link.close()


def _object(content: bytes) -> dict[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BadRequestError("the request is no JSON document") from None
    if not isinstance(document, dict):
        raise BadRequestError("the request is no JSON object")
    return document

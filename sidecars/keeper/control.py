"""Whoever connects to the keeper: one request, a line of JSON, and one answer."""

import json
import socket
from typing import Any

_LONGEST = 4 * 1024 * 1024
_CHUNK = 65536


class Visitor:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setblocking(False)
        self._heard = bytearray()

    def read(self) -> dict[str, Any] | None:
        """The request once it is whole; an empty one for what is none; None while it is not there yet."""
        try:
            data = self.connection.recv(_CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return {}
        self._heard += data
        if not data or len(self._heard) > _LONGEST:
            return {}
        if not self._heard.endswith(b"\n"):
            return None
        try:
            request = json.loads(self._heard)
        except (ValueError, RecursionError):
            return {}
        return request if isinstance(request, dict) else {}

    def answer(self, message: dict[str, Any]) -> None:
        """Says it and hangs up. A visitor that is gone misses it; an answer is short, so nobody is waited for."""
        try:
            self.connection.send(json.dumps(message).encode() + b"\n")
        except OSError:
            pass
        self.connection.close()

"""Pieces of a conversation over a pair of pipes: one byte of kind, four of length, then the content.

To the guest: HEAD (what is asked, JSON), INPUT and END_OF_INPUT for the command, SIZE of its terminal, SIGNAL.
From it: BEGAN once the request has been read, OUTPUT and ERRORS of the command, OVER with how it ended (JSON).
"""

import json
import os

HEAD, INPUT, END_OF_INPUT, SIZE, SIGNAL = b"h", b"i", b"e", b"w", b"s"
BEGAN, OUTPUT, ERRORS, OVER = b"b", b"1", b"2", b"x"
_PREFIX = 5
_LONGEST = 64 * 1024 * 1024


class DamagedError(Exception):
    """What came is no conversation. Nothing of it is quoted."""


class Frames:
    """Frames out of bytes, however those were cut."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The frames that are whole now: (kind, content). Raises DamagedError."""
        self._heard += data
        found = []
        while len(self._heard) >= _PREFIX:
            end = _PREFIX + int.from_bytes(self._heard[1:_PREFIX], "big")
            if end > _PREFIX + _LONGEST:
                raise DamagedError
            if len(self._heard) < end:
                break
            found.append((bytes(self._heard[:1]), bytes(self._heard[_PREFIX:end])))
            del self._heard[:end]
        return found


def send(descriptor: int, kind: bytes, content: bytes = b"") -> None:
    """Writes one frame, however slow the reader is. Raises OSError when there is none."""
    view = memoryview(kind + len(content).to_bytes(4, "big") + content)
    while view:
        view = view[os.write(descriptor, view) :]


def document(content: bytes) -> dict[str, object]:
    """A JSON object. Raises DamagedError."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise DamagedError from None
    if not isinstance(found, dict):
        raise DamagedError
    return found

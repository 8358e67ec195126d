"""What a packing's head says beside what is packed: who unpacks it never sees that, whoever reads the bytes does."""

import struct
from typing import Final

from bottle.domain.dlp.packing import UnreadableError

_FIXED: Final = 10  # RFC 1952 2.3
_CHECKSUM, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
_LONGEST: Final = 96 * 1024  # less than what is looked at together: none of it has passed before
_SKIPPED: Final = tuple(struct.pack("<I", 0x184D2A50 + number) for number in range(16))  # RFC 8878 3.1.2


def words_of(packing: str, data: bytes) -> bytes | None:
    """The words in the head of a stream that begins so; None where it is not complete. Raises UnreadableError."""
    if packing == "zstd":
        if data.startswith(_SKIPPED):
            raise UnreadableError("zstd content that begins with what is to be skipped")
        return b"" if len(data) >= len(_SKIPPED[0]) else None
    words = _of_gzip(data) if packing in ("gzip", "x-gzip") else b""
    if words is None and len(data) > _LONGEST:
        raise UnreadableError("gzip content with a head that has no end")
    return words


def _of_gzip(data: bytes) -> bytes | None:
    """The extra field, the file's name and the comment."""
    if len(data) < _FIXED:
        return None
    flags, at = data[3], _FIXED
    if flags & _EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = data.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    at += 2 * bool(flags & _CHECKSUM)
    return data[_FIXED:at] if at <= len(data) else None

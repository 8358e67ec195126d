"""A response that comes packed although it was asked for plain, on a route whose credential must not come back.

What the standard library unpacks is unpacked as it streams and passed on plain; anything else is refused, since nothing
could be looked for in it. No I/O.
"""

import zlib
from typing import TYPE_CHECKING, Final

from sidecars.egress import limits
from sidecars.egress.refusal import Refused, refused
from sidecars.egress.wire import ResponseHead

if TYPE_CHECKING:
    from zlib import _Decompress

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"  # RFC 1952 2.3.1


def unpacker_for(head: ResponseHead, method: str) -> "Unpacker | None":
    """What unpacks the body, None for a plain one; the head then says that it is plain. Raises Refused."""
    if head.status == 206:
        raise refused(502, "upstream.range", "the origin sent a part although the whole was asked for")
    if head.bodyless or method == "HEAD" or head.packing in (b"", b"identity"):
        return None
    if head.packing not in (b"gzip", b"x-gzip", b"deflate"):
        reason = (
            "the origin packed its response although it was asked not to, and the credential cannot be looked for in it"
        )
        raise refused(502, "upstream.encoding", reason)
    head.lines = [line for line in head.lines if not line.lower().startswith(b"content-encoding:")]
    head.length = None
    return Unpacker(is_gzip=head.packing != b"deflate")


class Unpacker:
    """gzip of any number of members, or deflate with or without the zlib header that belongs there (RFC 9110 8.4.1)."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflater: _Decompress | None = zlib.decompressobj(_GZIP) if is_gzip else None
        self._start = b""
        self._is_empty = True
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """What the data unpacks to. Raises Refused for what is not packed so, or grows beyond all measure."""
        try:
            return self._inflated(data) if data else b""
        except zlib.error:
            raise _broken("the origin's response is not packed as it says") from None

    def finish(self) -> None:
        """Raises Refused where something is missing."""
        if not (self._is_empty or self._is_over or (self._inflater is not None and self._inflater.eof)):
            raise _broken("the origin's packed response is not complete")

    def _inflated(self, data: bytes) -> bytes:
        unpacked: list[bytes] = []
        self._is_empty = False
        room = limits.UNPACKED
        while data and not self._is_over:
            inflater = self._inflater or self._deflate(data)
            if inflater is None:
                break
            data, self._start = self._start + data, b""
            unpacked.append(inflater.decompress(data, room + 1))
            room -= len(unpacked[-1])
            if room < 0:
                raise _broken(f"a piece of the origin's packed response holds more than {limits.UNPACKED} bytes")
            data = self._next(inflater)
        return b"".join(unpacked)

    def _next(self, inflater: "_Decompress") -> bytes:
        """What belongs to the next member; what follows the last one is nothing."""
        if not inflater.eof:
            return b""
        rest = inflater.unused_data
        if rest and self._is_gzip and rest[:2] == _MAGIC[: len(rest)]:
            self._inflater = zlib.decompressobj(_GZIP)
            return rest
        self._is_over = bool(rest)
        return b""

    def _deflate(self, data: bytes) -> "_Decompress | None":
        """Told by its first two bytes whether a zlib header is there; None while there is one byte."""
        start = self._start + data[:2]
        if len(start) < 2:
            self._start = start
            return None
        is_zlib = start[0] & 15 == 8 and int.from_bytes(start[:2]) % 31 == 0
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        return self._inflater


def _broken(reason: str) -> Refused:
    return refused(502, "upstream.encoding", reason)

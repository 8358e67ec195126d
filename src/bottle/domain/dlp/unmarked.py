"""Packed content that begins like anything: brotli, deflate in no wrapping, or in that of zlib with a small window.
Unpacking a little of it tells."""

import zlib
from collections.abc import Iterator
from typing import Final

from bottle.domain.dlp.packing import MAGICS, BrokenError, Unpacker, Unpackers, is_zlib
from bottle.domain.dlp.telling import LONG, is_plain, is_utf8

_SHORTEST: Final = 16
_TRIED: Final = 512  # bytes, of which text comes out if any does
_DEEPEST: Final = 8
_MARKED: Final = tuple(MAGICS)


def packing_of(data: bytes, unpackers: Unpackers, depth: int = _DEEPEST) -> str | None:
    """The packing that the data begins in, if it is one of these and makes sense; None for text and for noise. `depth`
    is how often it may be packed."""
    beginning = data[:_TRIED]
    if len(data) < _SHORTEST or not depth or is_utf8(beginning) or data.startswith(_MARKED):
        return None
    for packing in _likely(beginning):
        if packing in unpackers and _makes_sense(unpackers[packing](), beginning, unpackers, depth):
            return packing
    return None


def _likely(beginning: bytes) -> Iterator[str]:
    yield "br"
    if is_zlib(beginning):
        yield "deflate"
    try:  # this is the cheapest, and noise fails it
        if zlib.decompressobj(-zlib.MAX_WBITS).decompress(beginning, _SHORTEST):
            yield "raw"
    except zlib.error:
        pass


def _makes_sense(unpacker: Unpacker, beginning: bytes, unpackers: Unpackers, depth: int) -> bool:
    """Whether it is text that comes out, or something packed again."""
    try:
        unpacked = b"".join(unpacker.pieces(beginning))
    except BrokenError:
        return False
    if len(unpacked) < _SHORTEST:
        return False
    return is_plain(unpacked[:LONG]) or packing_of(unpacked, unpackers, depth - 1) is not None

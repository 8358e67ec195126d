"""Packed content: where it begins, and its unpacking in bounded pieces."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from attrs import frozen

_INPUT = 4096  # what is given to an unpacker at a time, so that little of what follows a stream is copied
_PIECE = 1 << 20
_MEMORY = 256 * 1024 * 1024  # bytes that a stream may ask its unpacker to keep
_ZIP_HEAD: Final = struct.Struct("<4sHHHHHIIIHH")
LONGEST_HEAD: Final = _ZIP_HEAD.size
"""Bytes at most that tell that something packed begins."""
_PROBED = 64  # bytes of what may be zlib's
_TOO_LITTLE = 7  # bytes out of it: with one more it would be looked at
_ENCRYPTED = 1
_NEWEST_ZIP = 63  # the highest version that is needed to extract anything (APPNOTE 4.4.3.2)


class UnreadableError(Exception):
    """Content that is meant to be unpacked and cannot be. `str()` says why, without any of the content."""


class BrokenError(Exception):
    """Bytes that are none of the packing they were taken for."""


class Unpacker(Protocol):
    """One stream of one packing."""

    @property
    def eof(self) -> bool:
        """Whether the stream is over."""

    @property
    def unused_data(self) -> bytes:
        """What followed the stream in the last input."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the input unpacks to, a bounded piece at a time. Raises BrokenError."""


Unpackers = Mapping[str, Callable[[], Unpacker]]
"""How to unpack, by the word that Content-Encoding uses."""


class Inflater:
    """zlib, in whatever wrapping: `wbits` as zlib has it."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        before = self._stream
        try:
            while data and not self.eof:
                before = self._stream.copy()
                piece = self._stream.decompress(data, _PIECE)
                data = self._stream.unconsumed_tail
                yield piece
        except zlib.error:
            yield _up_to_the_fault(before, data)
            raise BrokenError from None


def _up_to_the_fault(stream: "zlib._Decompress", data: bytes) -> bytes:
    """What comes out before the byte that breaks the stream: other programs print it, whatever the checksum says."""
    found = bytearray()
    try:
        for at in range(len(data)):
            found += stream.decompress(data[at : at + 1], _PIECE)
    except zlib.error:
        pass
    return bytes(found)


class Deflated:
    """`deflate` of HTTP, which is meant to have zlib's header and often has none (RFC 9110 8.4.1.2)."""

    def __init__(self) -> None:
        self._inner: Inflater | None = None
        self._held = b""

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data if self._inner is not None else b""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        data = self._held + data
        if self._inner is None:
            if len(data) < 2:
                self._held = data
                return
            self._held = b""
            self._inner = Inflater(zlib.MAX_WBITS if is_zlib(data) else -zlib.MAX_WBITS)
        yield from self._inner.pieces(data)


class Squeezed:
    """bzip2, xz and lzma, whose modules in the standard library share one interface."""

    def __init__(self, stream: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._stream.decompress(data, _PIECE)
            while not self._stream.eof and not self._stream.needs_input:
                yield self._stream.decompress(b"", _PIECE)
        except (OSError, lzma.LZMAError, EOFError, ValueError):
            raise BrokenError from None


STANDARD: Final[Unpackers] = {
    "gzip": lambda: Inflater(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: Inflater(16 + zlib.MAX_WBITS),
    "deflate": Deflated,
    "zlib": lambda: Inflater(zlib.MAX_WBITS),
    "raw": lambda: Inflater(-zlib.MAX_WBITS),
    "bzip2": lambda: Squeezed(bz2.BZ2Decompressor()),
    "lzma": lambda: Squeezed(lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY)),
    "xz": lambda: Squeezed(lzma.LZMADecompressor(memlimit=_MEMORY)),
}
"""What needs no further library."""


@frozen
class Opening:
    """Where packed content begins: its first byte is `at`, what is to be unpacked begins at `data`, which may lie
    behind the end of what is there yet."""

    at: int
    data: int
    packing: str


MAGICS: Final = {
    b"\x1f\x8b\x08": "gzip", b"x\x9c": "zlib", b"x\x01": "zlib", b"x\xda": "zlib", b"x^": "zlib",
    b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"]\x00\x00": "lzma", b"PK\x03\x04": "zip",
}  # fmt: skip
"""How packed content begins."""
_LONGEST_NAME = 4096
_ZIP_KNOWN: Final = frozenset({0, 1, 6, 8, 9, 12, 14, 93, 95, 98, 99})  # 99 is encryption by AES
_ZIP_METHODS: Final = {8: "raw", 12: "bzip2", 93: "zstd", 95: "xz"}
_CLOSED: Final = (
    *(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x04\x22\x4d\x18", b"LZIP\x01", b"MSCF\0"),
    *(b"\x1f\x9d" + bytes((0x80 | bits,)) for bits in range(9, 17)),  # compress
)
_PART: Final = b"\r\n\r\n"  # what stands before the content of a part of several


def openings(data: bytes, known: int, magics: Iterable[bytes] = MAGICS) -> Iterator[Opening]:
    """Where packed content may begin, in order; but for what the first `known` bytes alone tell. `magics` are the
    beginnings that stand in the data at all.

    Raises UnreadableError for an archive that is encrypted.
    """
    starts = {magic: max(0, known - _told_by(magic) + 1) for magic in magics}
    nearest = {magic: at for magic, start in starts.items() if (at := data.find(magic, start)) >= 0}
    while nearest:
        magic = min(nearest, key=nearest.__getitem__)
        at = nearest[magic]
        following = data.find(magic, at + 1)
        if following < 0:
            del nearest[magic]
        else:
            nearest[magic] = following
        if MAGICS[magic] == "zip":
            yield from _in_zip(data, at)
        elif MAGICS[magic] != "zlib" or _says_something(data[at : at + _PROBED]):
            yield Opening(at, at, MAGICS[magic])


def _says_something(beginning: bytes) -> bool:
    """Whether enough for a secret comes out of what begins as zlib's streams do, or may yet. Its head is two bytes
    alone, of which one may stand in any text (`x^2`); most of those say nothing."""
    try:
        zlib.decompressobj().decompress(beginning, _TOO_LITTLE)
    except zlib.error:
        return False
    return True


def _told_by(magic: bytes) -> int:
    """How many bytes tell what begins with a magic."""
    return LONGEST_HEAD if MAGICS[magic] == "zip" else len(magic)


def _in_zip(data: bytes, at: int) -> Iterator[Opening]:
    if at + _ZIP_HEAD.size > len(data):
        return
    _, version, flags, method, _, _, _, _, _, name, extra = _ZIP_HEAD.unpack_from(data, at)
    is_zip = version & 255 <= _NEWEST_ZIP and method in _ZIP_KNOWN and 0 < name < _LONGEST_NAME
    if is_zip and flags & _ENCRYPTED:
        raise UnreadableError("an encrypted archive")
    if is_zip and method and method not in _ZIP_METHODS:
        raise UnreadableError("an archive packed in a way that is not looked into")
    if method in _ZIP_METHODS:
        yield Opening(at, at + _ZIP_HEAD.size + name + extra, _ZIP_METHODS[method])


def require_open(data: bytes) -> None:
    """Raises UnreadableError where content, or a part of it, begins as an archive that is not understood."""
    if data.isascii():
        return
    if data.startswith(_CLOSED) or any(magic in data and _PART + magic in data for magic in _CLOSED):
        raise UnreadableError("an archive of a kind that is not looked into")


def is_zlib(data: bytes) -> bool:
    """Whether data begins with a zlib header (RFC 1950 2.2)."""
    return len(data) > 1 and data[0] & 15 == 8 and data[0] >> 4 < 8 and int.from_bytes(data[:2]) % 31 == 0


def inputs(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The data from `start` in the slices that an unpacker gets, each with where it ends."""
    for at in range(start, len(data), _INPUT):
        yield min(at + _INPUT, len(data)), data[at : at + _INPUT]

"""What lies in archives and compressed files: each content as often as it can be read, within a budget."""

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from sidecars.gitgate import limits
from sidecars.gitgate.objects import TooMuchError

_PIECE = 1 << 20
_STEP = 4096
_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_PACK = b"PACK\0\0\0\x02"
_TAR = (257, b"ustar")
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_BROKEN = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, OverflowError, RecursionError, RuntimeError),
    *(zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, struct.error, NotImplementedError),
)

FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": ".7z",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"Rar!\x1a\x07": ".rar",
    b"\x04\x22\x4d\x18": ".lz4",
}
"""Archives that only gitleaks opens, by how they begin, and what it wants them to be called."""


class Budget:
    """How many bytes may still be unpacked, of all archives in a push together."""

    def __init__(self, size: int = limits.UNPACKED) -> None:
        self._left = size

    def take(self, data: bytes) -> bytes:
        """Raises TooMuchError once it is used up."""
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchError(f"the archives in a push may unpack to {limits.UNPACKED // limits.MEBIBYTE} MiB")
        return data


def views(content: bytes, budget: Budget, depth: int = limits.NESTING) -> Iterator[tuple[str, bytes]]:
    """What stands in a content, with its name in there; not the content itself.

    What only looks like an archive is none. Raises TooMuchError for what unpacks to too much, or nests too deep.
    """
    for name, inner in _opened(content, budget):
        if depth == 0:
            raise TooMuchError(f"archives may be nested {limits.NESTING} deep")
        yield name, inner
        for below, deeper in views(inner, budget, depth - 1):
            yield f"{name}!{below}", deeper


def _opened(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    for looks, read in _READERS:
        if looks(content):
            try:
                yield from read(content, budget)
            except _BROKEN:
                continue  # what was read so far has been looked at; the rest is no archive of this kind


def _gzip(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    yield "gzip", _inflated(content, 16 + zlib.MAX_WBITS, budget)


def _zlib(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    yield "zlib", _inflated(content, zlib.MAX_WBITS, budget)


def _inflated(content: bytes, bits: int, budget: Budget) -> bytes:
    """All members one behind another; what can be read of a torn one."""
    found: list[bytes] = []
    at = 0
    while at < len(content):
        try:
            at, inner = _inflate(content, at, bits, budget)
        except ValueError:
            break
        found.append(inner)
    return b"".join(found)


def _inflate(content: bytes, at: int, bits: int, budget: Budget) -> tuple[int, bytes]:
    """One deflated stream that begins at `at`: where it ends, and what it says. Raises ValueError where there is none.

    It is read in small steps: the decoder copies whatever it is given too much.
    """
    decoder, found = zlib.decompressobj(bits), list[bytes]()
    while not decoder.eof:
        window = content[at : at + _STEP]
        if not window:
            return at, b"".join(found)
        at += len(window)
        try:
            found += _drained(decoder, window, budget)
        except zlib.error:
            if not found:
                raise ValueError("no deflated stream") from None
            return len(content), b"".join(found)
    return at - len(decoder.unused_data), b"".join(found)


def _drained(decoder: "zlib._Decompress", data: bytes, budget: Budget) -> Iterator[bytes]:
    while (piece := decoder.decompress(data, _PIECE)) or decoder.unconsumed_tail:
        yield budget.take(piece)
        if decoder.eof:
            return  # what is behind the stream would be taken for its tail
        data = decoder.unconsumed_tail


def _bzip2(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with bz2.open(io.BytesIO(content)) as stream:
        yield "bzip2", _read(stream, budget)


def _xz(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    decoder = lzma.LZMADecompressor(memlimit=256 * limits.MEBIBYTE)
    found = [budget.take(decoder.decompress(content, _PIECE))]
    while not decoder.eof and not decoder.needs_input:
        found.append(budget.take(decoder.decompress(b"", _PIECE)))
    yield "xz", b"".join(found)


def _zip(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.comment:
            yield "comment", budget.take(archive.comment)
        for member in archive.infolist():
            yield "names", budget.take(member.filename.encode(errors="replace") + b"\n" + member.comment + member.extra)
            try:
                with archive.open(member) as stream:
                    yield member.filename, _read(stream, budget)
            except _BROKEN:
                continue  # one that is encrypted, or cut short


def _tar(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            names = f"{member.name}\n{member.linkname}\n{member.uname}\n{member.gname}\n{member.pax_headers}"
            yield "names", budget.take(names.encode(errors="replace"))
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, _read(stream, budget)


def _packs(content: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The objects of git's packs and bundles (gitformat-pack(5)); of a delta what it adds."""
    start = content.find(_PACK)
    while start >= 0:
        for number, inner in enumerate(_pack(content, start, budget)):
            yield f"object-{number}", inner
        start = content.find(_PACK, start + len(_PACK))


def _pack(content: bytes, start: int, budget: Budget) -> Iterator[bytes]:
    try:
        at, count = start + 12, struct.unpack_from(">I", content, start + 8)[0]
        for _ in range(count):
            at, inner = _inflate(content, _past_head(content, at), zlib.MAX_WBITS, budget)
            yield inner
    except (ValueError, IndexError, struct.error):
        pass  # it only began like a pack


def _past_head(content: bytes, at: int) -> int:
    """Behind an entry's kind and size, and the base of a delta: an offset, or the base's name."""
    kind = content[at] >> 4 & 7
    at = _past_number(content, at)
    if kind == _OFFSET_DELTA:
        return _past_number(content, at)
    return at + 20 if kind == _NAMED_DELTA else at


def _past_number(content: bytes, at: int) -> int:
    while content[at] & 0x80:
        at += 1
    return at + 1


def _read(stream: object, budget: Budget) -> bytes:
    pieces: list[bytes] = []
    try:
        while piece := stream.read(_PIECE):  # type: ignore[attr-defined]
            pieces.append(budget.take(piece))
    except _BROKEN:
        pass  # torn: what could be read counts
    return b"".join(pieces)


_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, Budget], Iterator[tuple[str, bytes]]]], ...] = (
    (lambda content: content.startswith(b"\x1f\x8b"), _gzip),
    (lambda content: content.startswith(_ZLIB), _zlib),
    (lambda content: content.startswith(b"BZh"), _bzip2),
    (lambda content: content.startswith(b"\xfd7zXZ\0"), _xz),
    (lambda content: b"PK\x05\x06" in content[-(1 << 17) :], _zip),
    (lambda content: content.startswith(_TAR[1], _TAR[0]), _tar),
    (lambda content: _PACK in content, _packs),
)

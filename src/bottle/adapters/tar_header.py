"""The head of one member of a tar, in GNU's format: the bytes that `tarfile` would write, in a quarter of its time."""

from typing import Final

BLOCK: Final = 512
FILE: Final = b"0"
LINK: Final = b"2"
FOLDER: Final = b"5"

_LONG_NAME, _LONG_LINK = b"L", b"K"
_MAGIC: Final = b"ustar  \0"
_NAME_SIZE: Final = 100
_LARGEST_OCTAL: Final = 8**11
_REST: Final = bytes(BLOCK - 265)
"""Owner's and group's names, device numbers and the prefix, none of which is used."""


def header(
    path: bytes, mode: int, uid: int, gid: int, mtime: int, kind: bytes, *, size: int = 0, link: bytes = b""
) -> bytes:
    """Whole blocks, to be followed by `size` bytes and their padding. `path` is relative and ends without a slash."""
    if kind == FOLDER:
        path += b"/"
    long = _long(_LONG_LINK, link) if len(link) > _NAME_SIZE else b""
    if len(path) > _NAME_SIZE:
        long += _long(_LONG_NAME, path)
    return long + _block(path, mode, uid, gid, mtime, kind, size, link)


def padding(size: int) -> bytes:
    """What fills up the last block."""
    return bytes(-size % BLOCK)


def _block(path: bytes, mode: int, uid: int, gid: int, mtime: int, kind: bytes, size: int, link: bytes) -> bytes:
    numbers = b"%07o\0%07o\0%07o\0%b%b" % (mode, uid, gid, _number(size), _number(mtime))
    before = path[:_NAME_SIZE].ljust(_NAME_SIZE, b"\0") + numbers
    after, sum_after = _end(kind, link[:_NAME_SIZE]) if link else _PLAIN_ENDS[kind]
    total = sum(before) + sum_after + 8 * ord(" ")
    return before + b"%06o\0 " % total + after


def _end(kind: bytes, link: bytes) -> tuple[bytes, int]:
    """What stands behind the checksum, and its part of it."""
    end = kind + link.ljust(_NAME_SIZE, b"\0") + _MAGIC + _REST
    return end, sum(end)


_PLAIN_ENDS: Final = {kind: _end(kind, b"") for kind in (FILE, LINK, FOLDER, _LONG_NAME, _LONG_LINK)}
"""Of all that is no link, where it is always the same: adding it up a hundred thousand times would be felt."""


def _number(value: int) -> bytes:
    """Eleven octal digits; what is larger in GNU's base 256."""
    return b"%011o\0" % value if value < _LARGEST_OCTAL else b"\x80" + value.to_bytes(11)


def _long(kind: bytes, name: bytes) -> bytes:
    content = name + b"\0"
    return _block(b"././@LongLink", 0, 0, 0, 0, kind, len(content), b"") + content + padding(len(content))

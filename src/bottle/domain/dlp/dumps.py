"""Listings of bytes read back, as xxd, hexdump and od print them: an address, then words, then perhaps characters."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from bottle.domain.dlp.telling import LONG, is_plain

_ROW: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{6,8}(:?)[ \t]+([^\r\n]*)")
_WORD: Final = re.compile(rb"\S+")


def dumped(text: bytes) -> Iterator[bytes]:
    """What the rows of a listing say, in each notation in which one of them can be read."""
    rows = [_words(*match.groups()) for match in _ROW.finditer(text)]
    for read in _NOTATIONS:
        found = b"".join(_read(read, row) for row in rows)
        if is_plain(found[:LONG]):
            yield found


def _words(colon: bytes, rest: bytes) -> list[bytes]:
    """The words of a row, without the characters behind them: xxd has two spaces before those, hexdump a bar."""
    return _WORD.findall(rest.partition(b"  ")[0] if colon else rest.partition(b"|")[0])


def _read(read: Callable[[bytes], bytes], row: list[bytes]) -> bytes:
    try:
        return b"".join(map(read, row))
    except (ValueError, OverflowError):
        return b""


def _in_order(word: bytes) -> bytes:
    return bytes.fromhex(word.decode())


def _turned(word: bytes) -> bytes:
    """Of a word of several bytes, the last is printed first."""
    return bytes.fromhex(word.decode())[::-1]


def _pair(base: int) -> Callable[[bytes], bytes]:
    return lambda word: int(word, base).to_bytes(2, "little")


def _one(base: int) -> Callable[[bytes], bytes]:
    return lambda word: int(word, base).to_bytes(1)


def _character(word: bytes) -> bytes:
    """od -c: a character, or an escape, which stays for whoever undoes those."""
    if len(word) == 1 or word.startswith(b"\\"):
        return word
    return _one(8)(word)


_NOTATIONS: Final = (_in_order, _turned, _pair(8), _pair(10), _one(8), _one(10), _one(2), _character)

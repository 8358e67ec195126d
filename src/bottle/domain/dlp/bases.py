"""Base64 and base32 read back: from whichever place makes sense of them, whole or as they stream."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Final

from bottle.domain.dlp.telling import LONG, PACKINGS, is_plain, may_be_packed

UPPER, LOWER, DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz", b"0123456789"

SHORTEST64: Final = 20
SHORTEST32: Final = 26
"""Characters; what is encoded in fewer is too short for a secret."""

_PROBE: Final = 60
_TO_64: Final = bytes.maketrans(b"-_", b"+/")
_HIGH: Final = b"1"
_LOW: Final = b"0"


def _table(leads: bytes) -> bytes:
    return bytes(_LOW[0] if code in leads else _HIGH[0] for code in range(256))


_LEADS64: Final = _table(UPPER + b"abcdef")  # a group begins so when its first byte is ASCII
_IN_LEADS32: Final = _table(b"ABCDEFGHIJKLMNOP")
_NO_DIGITS: Final = bytes(code for code in range(256) if code not in DIGITS)
_LETTERS64: Final = UPPER + LOWER + b"_-"  # what is packed has more than these, but for a name
_LONG64: Final = LONG * 4 // 3
_OPENINGS64: Final = (b"H4sI", b"eJ", b"eA", b"eN", b"eF", b"KLUv/", b"QlpoO", b"/Td6", b"UEsDB", b"//4", b"XQAA")
_BETWEEN_32: Final = re.compile(rb"[-_/+=]+")
_SIGNS: Final = re.compile(rb"[=+/]")
_MOST_SIGNS = 16  # in a run that is read behind each of them
_FOLLOWED = 1024  # characters: a run of so many at the end of a piece goes on in the next
_IN_WRAPPED: Final = bytes(
    ord("A") if code in UPPER + LOWER + DIGITS + b"+/-_=\r\n\\" else ord(" ") for code in range(256)
)
_WRAPS: Final = re.compile(rb"\\[rn]|[\r\n\\]+")


def from_base64(run: bytes) -> Iterator[bytes]:
    """Read from the run's beginning, or, where that is noise, from one of the three places after it, or behind a sign
    that may be no part of it (`key=`, `/`). Noise in which something may be packed is kept as it is read first."""
    text = run.translate(_TO_64)
    for piece in (text, *_parts(text)):
        leads = piece[: _PROBE + 3].translate(_LEADS64)
        for offset in range(4):
            is_telling = _are_telling(leads[offset::4]) or piece.startswith(_OPENINGS64, offset)
            if is_telling and is_plain(unpadded(piece[offset : offset + _PROBE].replace(b"=", b""))):
                yield unpadded(piece[offset:].replace(b"=", b""))
                if offset and _is_mixed(text):  # it may be noise that looks like text from there on
                    yield from _unread(run)
                return
    if len(text) > _LONG64 or text.translate(None, _LETTERS64) or text.startswith(_OPENINGS64):
        found = unpadded(text.replace(b"=", b""))
        if len(found) > LONG or may_be_packed(found):
            yield found
        elif _is_mixed(text):
            yield from _unread(run)


def _is_mixed(text: bytes) -> bool:
    """Whether it has letters of both cases and digits, as noise in base64 has, and few names and hashes."""
    return not (text.islower() or text.isupper() or text.isalpha()) and text.translate(None, _NO_DIGITS) != b""


def _unread(run: bytes) -> Iterator[bytes]:
    """The noise that a run encodes, with what stands before it, and behind its name and a path."""
    run = run.rstrip(b"=").rpartition(b"=")[2]
    for end in dict.fromkeys((run, run.rpartition(b"/")[2])):
        if len(end) >= SHORTEST64:
            yield unpadded(end.translate(_TO_64))


def _are_telling(leads: bytes) -> bool:
    """Whether groups that begin as those of bytes above ASCII do are too few, or too many, for noise: the others begin
    as ASCII does, and all do so where other scripts are written in UTF-8."""
    high = leads.count(_HIGH)
    return 4 * high <= len(leads) or 10 * high >= 7 * len(leads)


def _parts(text: bytes) -> list[bytes]:
    if not 0 < text.count(b"=") + text.count(b"/") + text.count(b"+") <= _MOST_SIGNS:
        return []
    return [part for part in _SIGNS.split(text) if len(part) >= SHORTEST64]


def unpadded(text: bytes) -> bytes:
    """What base64 without its padding decodes to, as far as it is whole."""
    rest = len(text) % 4
    return binascii.a2b_base64(text + b"=" * (4 - rest) if rest > 1 else text[: len(text) - rest])


def from_base32(run: bytes) -> Iterator[bytes]:
    for part in _BETWEEN_32.split(run):
        if len(part) >= SHORTEST32 and not part.translate(None, UPPER + b"234567"):
            yield from _first_plain_32(part)


def _first_plain_32(text: bytes) -> Iterator[bytes]:
    for offset in range(8):
        is_telling = _are_telling(text[offset : offset + 64 : 8].translate(_IN_LEADS32))
        if (is_telling or text.startswith(_OPENINGS32, offset)) and is_plain(_base32(text[offset : offset + 64])):
            yield _base32(text[offset:])
            return


def _base32(text: bytes) -> bytes:
    whole = {1: 0, 3: 2, 6: 5}.get(len(text) % 8, len(text) % 8)
    text = text[: len(text) // 8 * 8 + whole]
    return base64.b32decode(text + b"=" * (-len(text) % 8))


def open_run(data: bytes) -> int | None:
    """Where the long run of base64 begins that the end of the data cuts; None where there is none."""
    first = data.translate(_IN_WRAPPED).rfind(b" ") + 1
    if len(data) - first < _FOLLOWED:
        return None
    return first + data[first : first + 64].rfind(b"=") + 1  # `key=` stands before what is encoded


class Decoder64:
    """Base64 that comes in pieces, wrapped or not. Where it begins is found out from its first characters."""

    def __init__(self) -> None:
        self._held = b""
        self._aligned = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What the next characters decode to, and whether the run may go on behind them."""
        end = data.translate(_IN_WRAPPED).find(b" ")
        text = self._held + _WRAPS.sub(b"", data if end < 0 else data[:end]).translate(_TO_64, b"=")
        if not self._aligned:
            self._aligned = True
            offsets = (offset for offset in range(4) if is_plain(unpadded(text[offset : offset + _PROBE])))
            text = text[next(offsets, 0) :]
        cut = len(text) // 4 * 4 if end < 0 else len(text)
        self._held = text[cut:]
        return unpadded(text[:cut]), end < 0


def beginnings(encode: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """How packed content begins in an encoding: what is the same whatever follows the first bytes."""
    pairs = ((encode(magic + bytes(8)), encode(magic + b"\xff" * 8)) for magic in PACKINGS)
    return tuple(low[: next(at for at in range(len(low)) if low[at] != high[at])] for low, high in pairs)


_OPENINGS32: Final = beginnings(base64.b32encode)

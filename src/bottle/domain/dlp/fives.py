"""Base85 read back, in its common alphabets."""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import frozen

from bottle.domain.dlp.bases import DIGITS, LOWER, UPPER, beginnings
from bottle.domain.dlp.hints import ROW_85
from bottle.domain.dlp.telling import PACKINGS, PRINTED

_RFC1924: Final = DIGITS + UPPER + LOWER + b"!#$%&()*+-;<=>?@^_`{|}~"
_ZERO85: Final = DIGITS + LOWER + UPPER + b".-:+=^!/*?&<>()[]{}@%$#"
_TO_RFC1924: Final = bytes.maketrans(_ZERO85, _RFC1924)
_FROM_RFC1924: Final = bytes.maketrans(_RFC1924, _ZERO85)
_ASCII85: Final = bytes(range(33, 118))
_TEXT: Final = ((0, 0), (9, 10), (13, 13), (32, 126))  # PRINTED, and zero
_SIGNS: Final = tuple(bytes((code,)) for code in range(256))
_TOO_MUCH: Final = 1 << 32
_MOST_SEARCHED: Final = 4096
QUOTE: Final = b"\x01"
"""Stands for a quotation mark that is escaped."""


@frozen
class _Alphabet:
    """One of the alphabets; its `bit` marks what is said of it."""

    bit: int
    digits: bytes
    decode: Callable[[bytes], bytes]
    openings: tuple[bytes, ...]
    worth: dict[int, int]

    @classmethod
    def of(
        cls, bit: int, digits: bytes, encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]
    ) -> "_Alphabet":
        worth = {sign: value for value, sign in enumerate(digits)}
        return cls(bit, digits, decode, tuple(_openings(encode)), worth)

    def opens_with_text(self, run: bytes) -> bool:
        """Whether the first groups are four characters each, or zeros beside them, as UTF-16 has."""
        for at in range(0, ROW_85.shortest, 5):
            number = 0
            for sign in run[at : at + 5]:
                number = number * 85 + self.worth.get(sign, _TOO_MUCH)
            if number >= _TOO_MUCH or number.to_bytes(4).translate(None, PRINTED + b"\0"):
                return False
        return True

    def read(self, run: bytes) -> bytes:
        """What it decodes to, up to a sign that is none of the alphabet's, and to a group that is too much."""
        run = run[: len(run) - len(run.lstrip(self.digits + b"zy"))]
        try:
            return self.decode(run)
        except ValueError:
            return _leading(run[:_MOST_SEARCHED], self.decode)


def _openings(encode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """How packed content begins, in two signs at least: the second of a packing's two bytes may be either of two."""
    for opening, packing in zip(beginnings(encode), PACKINGS, strict=True):
        yield from {encode(packing + rest)[: max(2, len(opening))] for rest in (bytes(8), b"\xff" * 8)}


def from_runs(data: bytes, starts: Iterable[int]) -> Iterator[bytes]:
    """What runs of signs decode to that begin at these places. A quotation mark ends a run, unless it is QUOTE."""
    for start in starts:
        if _LEADS[data[start] << 8 | data[start + 1]]:  # two signs tell of most runs that they are none
            head = _unescaped(data[start : start + 2 * ROW_85.shortest])
            if len(head) >= ROW_85.shortest and (leads := _leads_of(head)):
                yield from _from_base85(_unescaped(data[start : ROW_85.end(data, start)]), leads)


def _unescaped(run: bytes) -> bytes:
    return run.replace(b"\\\\", b"\\").replace(QUOTE, b'"')


def _from_base85(run: bytes, leads: int) -> Iterator[bytes]:
    """What a run with these leads decodes to, as far as it does, where its beginning is text or packed."""
    for alphabet in _ALPHABETS:
        is_text = leads & alphabet.bit and alphabet.opens_with_text(run) and _has_signs(run)
        if is_text or run.startswith(alphabet.openings):
            yield alphabet.read(run)


def _leads_of(run: bytes) -> int:
    """In which alphabets the first groups of a run may be text or begin something packed: a bit for each."""
    if run[:2] in _PACKED:
        return _ANY
    leads = _ANY
    for at in range(0, ROW_85.shortest, 5):
        leads &= _LEADS[run[at] << 8 | run[at + 1]]
        if not leads:
            break
    return leads


def _has_signs(run: bytes) -> bool:
    """There is no base85 without signs, nor without letters of both cases."""
    return not (run.isalnum() or run.islower() or run.isupper())


def _leading(text: bytes, decode: Callable[[bytes], bytes]) -> bytes:
    """As much as can be decoded from the beginning."""
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            decode(text[:middle])
            low = middle
        except ValueError:
            high = middle
    return decode(text[:low])


def _ascii85(text: bytes) -> bytes:
    return base64.a85decode(text)


def _rfc1924(text: bytes) -> bytes:
    return base64.b85decode(text)


def _zero85(text: bytes) -> bytes:
    return base64.b85decode(text.translate(_TO_RFC1924))


_ALPHABETS: Final = (
    _Alphabet.of(1, _ASCII85, base64.a85encode, _ascii85),
    _Alphabet.of(2, _RFC1924, base64.b85encode, _rfc1924),
    _Alphabet.of(4, _ZERO85, lambda data: base64.b85encode(data).translate(_FROM_RFC1924), _zero85),
)
_PACKED: Final = frozenset(opening[:2] for one in _ALPHABETS for opening in one.openings)
_ANY: Final = sum(one.bit for one in _ALPHABETS)


def _table() -> bytes:
    """For each two signs, the alphabets in which they begin a group whose first two bytes are text, or zeros in it.
    What is escaped may be any sign."""
    table = bytearray(1 << 16)
    for first in PRINTED + b"\0":
        for low, high in _TEXT:  # numbers in a row begin with pairs in a row
            for pair in range((first << 24 | low << 16) // 85**3, (first << 24 | high << 16 | 0xFFFF) // 85**3 + 1):
                for one in _ALPHABETS:
                    table[one.digits[pair // 85] << 8 | one.digits[pair % 85]] |= one.bit
    escaped = [QUOTE + other for other in _SIGNS] + [other + QUOTE for other in _SIGNS] + [b"\\\\"]
    for first, second in (*_PACKED, *escaped):
        table[first << 8 | second] = _ANY
    return bytes(table)


_LEADS: Final = _table()

"""The skeletons under which a registered value is looked for: its own, and those of what it can be turned into.

What is encoded twice, packed or escaped is decoded by `views` first; here is what one step makes of a value.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.radix import apart, base32s, base45s, base64s, base85s, numbers, whole, words
from bottle.domain.dlp.skeleton import skeleton
from bottle.domain.dlp.words import spelled_out

SHORTEST: Final = 8
"""Characters; shorter values are not registered: they occur by chance."""
TELLING: Final = 10
"""Letters and digits that are no coincidence. A value with fewer is found as it is written, and where it is encoded."""

_DISTINCT = 5  # a row of one digit is in many files
_SLICE = 64  # of a longer value, each slice of this length is looked for
_MOST_SLICES = 64
_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = b"0123456789"
_FIVE: Final = _DIGITS[5:] + _DIGITS[:5]
_HALF: Final = _UPPER[13:] + _UPPER[:13] + _LOWER[13:] + _LOWER[:13]
_TABLES: Final = (
    bytes.maketrans(_UPPER + _LOWER, _UPPER[::-1] + _LOWER[::-1]),  # atbash
    bytes.maketrans(_UPPER + _LOWER + _DIGITS, _UPPER[::-1] + _LOWER[::-1] + _DIGITS[::-1]),
    bytes.maketrans(bytes(range(33, 127)), bytes(range(80, 127)) + bytes(range(33, 80))),  # rot47
    bytes.maketrans(_DIGITS, _FIVE),
    bytes.maketrans(_UPPER + _LOWER + _DIGITS, _HALF + _FIVE),  # rot18
)
_ROT13: Final = bytes.maketrans(_UPPER + _LOWER, _HALF)
_STEPS: Final = (1, 2, 3, 5, 7, 13, -1, -2, -3, -5, -7, -13)
"""How much further the code of each character may be."""
_BEFORE_EACH: Final = (b"c", b"char", b"x", b"v")
"""What a list of characters may call each of them."""


@frozen
class Registered:
    """A value that must not leave, under the name that a person knows it by."""

    name: str
    value: bytes = field(repr=False)


def skeletons(value: bytes) -> frozenset[bytes]:
    """All that is looked for in skeletons."""
    found = {skeleton(text) for one in _slices(value) for text in _spelled(one)}
    return frozenset(bones for bones in found if _tells(bones))


def is_telling(value: bytes) -> bool:
    """Whether the skeleton of the value says enough; where not, it is to be looked for as it is."""
    return _tells(skeleton(value))


def _tells(bones: bytes) -> bool:
    return len(bones) >= TELLING and (len(set(bones)) >= _DISTINCT or len(bones) >= 8 * SHORTEST)


def _slices(value: bytes) -> Iterable[bytes]:
    if len(value) < 2 * _SLICE:
        return (value,)
    starts = range(0, min(len(value), _SLICE * _MOST_SLICES) - _SLICE + 1, _SLICE)
    return tuple(value[start : start + _SLICE] for start in starts)


def _spelled(value: bytes) -> Iterator[bytes]:
    yield from _shifted(value)
    for text in (value, value[::-1]):
        for encoded in _encoded(text):
            yield encoded
            yield encoded[::-1]
    yield from _listed(value)
    yield from words(value)
    yield from apart(value)
    yield from spelled_out(value)
    wide = value.decode("latin-1")
    for codec in ("utf-16-le", "utf-16-be", "cp037"):  # the last is EBCDIC
        yield from base64s(wide.encode(codec))
        yield wide.encode(codec).hex().encode()


def _shifted(value: bytes) -> Iterator[bytes]:
    """The value itself, and with other letters for its letters."""
    for by in range(26):
        table = bytes.maketrans(_UPPER + _LOWER, _UPPER[by:] + _UPPER[:by] + _LOWER[by:] + _LOWER[:by])
        yield value.translate(table)
    for by in _STEPS:
        yield bytes((code + by) % 256 for code in value)
    for text in (value, _rotated(value), *(value.translate(table) for table in _TABLES)):
        yield text
        yield text[::-1]


def _listed(value: bytes) -> Iterator[bytes]:
    """Its characters one by one: by number, under a name, or twice; or every other one first."""
    signs = [bytes((code,)) for code in value]
    for first in (0, 1):
        yield b"".join(b"%d %b" % (number, sign) for number, sign in enumerate(signs, first))
    for name in _BEFORE_EACH:
        yield b"".join(name + sign for sign in signs)
    for times in (2, 3):
        yield b"".join(times * sign for sign in signs)
    yield value[::2] + value[1::2]
    yield value[1::2] + value[::2]


def _rotated(value: bytes) -> bytes:
    """Pairs swapped, as a word of two bytes is in the other order."""
    even = len(value) // 2 * 2
    return b"".join(value[at : at + 2][::-1] for at in range(0, even, 2)) + value[even:]


def _encoded(value: bytes) -> Iterator[bytes]:
    for core in base64s(value):
        yield core
        yield core.translate(_ROT13)
    yield from base32s(value)
    yield from base45s(value)
    yield from base85s(value)
    yield from numbers(value)
    for text in (value, value + b"\n"):
        yield from whole(text)

"""The skeletons under which a registered value is looked for: its own, and those of what it can be turned into.

What is encoded twice, packed or escaped is decoded by `views` first; here is what one step makes of a value.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.radix import base32s, base45s, base64s, base85s, numbers, whole
from bottle.domain.dlp.skeleton import skeleton

SHORTEST: Final = 8
"""Characters; shorter values are not registered: they occur by chance."""
TELLING: Final = 10
"""Letters and digits that are no coincidence. A value with fewer is found as it is written, and where it is encoded."""

_DISTINCT = 5  # a row of one digit is in many files
_SLICE = 64  # of a longer value, each slice of this length is looked for
_MOST_SLICES = 64
_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_ROT47: Final = bytes.maketrans(bytes(range(33, 127)), bytes(range(80, 127)) + bytes(range(33, 80)))
_ATBASH: Final = bytes.maketrans(_UPPER + _LOWER, _UPPER[::-1] + _LOWER[::-1])


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
    wide = value.decode("latin-1")
    for codec in ("utf-16-le", "utf-16-be"):
        yield from base64s(wide.encode(codec))
        yield wide.encode(codec).hex().encode()


def _shifted(value: bytes) -> Iterator[bytes]:
    """The value itself, and with other letters for its letters."""
    for by in range(26):
        table = bytes.maketrans(_UPPER + _LOWER, _UPPER[by:] + _UPPER[:by] + _LOWER[by:] + _LOWER[:by])
        yield value.translate(table)
    for text in (value, value.translate(_ROT47), value.translate(_ATBASH), _rotated(value)):
        yield text
        yield text[::-1]


def _rotated(value: bytes) -> bytes:
    """Pairs swapped, as a word of two bytes is in the other order."""
    even = len(value) // 2 * 2
    return b"".join(value[at : at + 2][::-1] for at in range(0, even, 2)) + value[even:]


def _encoded(value: bytes) -> Iterator[bytes]:
    yield from base64s(value)
    yield from base32s(value)
    yield from base45s(value)
    yield from base85s(value)
    yield from numbers(value)
    yield from whole(value)

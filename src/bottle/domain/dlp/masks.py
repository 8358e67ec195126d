"""Bytes that were given a mask: values under a short key that repeats (XOR), in EBCDIC, or with the bits of each byte
in another order; and tokens under one key.

What stands in them is found without knowing the key: where a text and the same text so many bytes further are put on
each other, a key of that length falls out.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.disguises import OPENINGS
from bottle.domain.dlp.hints import Search, Searches

_LENGTHS: Final = range(1, 9)
"""Bytes of a key."""
_LITTLE: Final = 16 * 1024
"""Bytes in which keys of all lengths are looked for; in more, of one byte."""
_LEAST: Final = 10
_DISTINCT: Final = 5
"""Bytes that are compared, and how many of them differ: fewer occur in pictures. By chance ten occur once in 2**80."""
_LONGEST: Final = 64
_AROUND: Final = 1024
_SEPARATOR: Final = b"\n"


def _tables() -> Iterator[bytes]:
    """How a byte is written in EBCDIC, with its bits in the opposite order, and with its halves swapped."""
    yield bytes(range(256)).decode("latin-1").encode("cp037")
    yield bytes(int(f"{code:08b}"[::-1], 2) for code in range(256))
    yield bytes((code << 4 | code >> 4) & 255 for code in range(256))


_TABLES: Final = tuple(_tables())


@frozen(eq=False)
class Masks:
    """Some values, and the openings of well-known tokens, under any of these masks."""

    _values: Search = field(repr=False)
    _owners: tuple[int, ...] = field(repr=False)
    _openings: Search

    @classmethod
    def of(cls, values: Sequence[bytes], searches: Searches) -> "Masks":
        """Each value is known by its number."""
        masked = {bones: number for number, value in enumerate(values) for bones in _masked(value[:_LONGEST])}
        return cls(searches.literals(list(masked)), tuple(masked.values()), _openings(searches))

    def find(self, data: bytes) -> list[int]:
        """The values that stand masked in the data."""
        lengths = _LENGTHS if len(data) <= _LITTLE else _LENGTHS[:1]
        together = _SEPARATOR.join([data, *(differences(data, length) for length in lengths)])
        return [self._owners[literal] for literal in self._values.find(together)]

    def undone(self, data: bytes) -> Iterator[bytes]:
        """The surroundings of what opens as a token does under a key of one byte, without the key."""
        bare = differences(data, 1)
        for number in self._openings.find(bare):
            differing, opening = _OPENED_BY[number]
            at = bare.find(differing)
            while at >= 0:
                key = data[at] ^ opening[0]
                if key:
                    yield data[max(0, at - _AROUND) : at + _AROUND].translate(_KEYS[key])
                at = bare.find(differing, at + _AROUND)


@cache
def _openings(searches: Searches) -> Search:
    return searches.literals(list(_OPENED))


def differences(data: bytes, distance: int) -> bytes:
    """In which bits each byte differs from the one so many before it; in no bit is written 128, as no two of ASCII
    differ, for a literal ends at a zero."""
    number = int.from_bytes(data)
    return (number ^ number >> 8 * distance).to_bytes(len(data))[distance:].replace(b"\0", b"\x80")


def _masked(value: bytes) -> Iterator[bytes]:
    masked = (*(differences(value, length) for length in _LENGTHS), *(value.translate(table) for table in _TABLES))
    return (one for one in masked if len(one) >= _LEAST and len(set(one)) >= _DISTINCT and not value.isdigit())


_KEYS: Final = tuple(bytes(code ^ key for code in range(256)) for key in range(256))
_OPENED: Final = {differences(opening, 1): opening for opening in OPENINGS}
_OPENED_BY: Final = tuple(_OPENED.items())

"""A value with other letters or digits between its own signs, always as many."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.hints import Search, Searches
from bottle.domain.dlp.skeleton import skeleton
from bottle.domain.dlp.spellings import is_telling

_BETWEEN: Final = (1, 2)
_BEGINNING: Final = 6
"""Letters and digits by which it is noticed; it is only taken for there when all of it is. More of both takes
long to compile."""


@frozen
class _Way:
    """How a value is strewn: its letters and digits, and where in a skeleton each stands behind the first."""

    number: int
    bones: bytes = field(repr=False)
    places: tuple[int, ...]

    @classmethod
    def of(cls, number: int, value: bytes, between: int) -> "_Way":
        """A sign of the value that a skeleton lacks leaves what stood on both sides of it."""
        signs = [at for at in range(len(value)) if skeleton(value[at : at + 1])]
        places = tuple((at - signs[0]) * between + rank for rank, at in enumerate(signs))
        return cls(number, skeleton(value), places)

    @property
    def beginning(self) -> bytes:
        """What matches the first of it, as an expression."""
        first = zip(self.bones[1:_BEGINNING], pairwise(self.places), strict=False)
        return self.bones[:1] + b"".join(b"." * (at - before - 1) + bytes((sign,)) for sign, (before, at) in first)

    def stands(self, bones: bytes, end: int) -> bool:
        """Whether all of it stands where its beginning ends."""
        start = end - 1 - self.places[_BEGINNING - 1]
        row = bones[max(0, start) : start + self.places[-1] + 1]
        return len(row) > self.places[-1] and bytes(row[at] for at in self.places) == self.bones


@frozen(eq=False)
class Strewn:
    """Some values; those that say too little in letters and digits are left out."""

    _beginnings: Search = field(repr=False)
    _ways: tuple[_Way, ...]

    @classmethod
    def of(cls, values: Sequence[bytes], searches: Searches) -> "Strewn":
        """Each value is known by its number."""
        telling = ((number, value) for number, value in enumerate(values) if is_telling(value))
        ways = tuple(_Way.of(number, value, between) for number, value in telling for between in _BETWEEN)
        return cls(searches.expressions([way.beginning for way in ways]), ways)

    def find(self, bones: bytes) -> set[int]:
        """The values that stand so in a skeleton."""
        ends = self._beginnings.ends(bones)
        return {way.number for end in ends for way in self._ways if way.stands(bones, end)}

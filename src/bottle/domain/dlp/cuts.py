"""A value of words that was cut up: its pieces stand in order, close together, with whatever between them.

Words, names and addresses stand apart in harmless texts, too, so at least one cut goes through a word.
"""

from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.hints import Search, Searches

_PIECE: Final = 4
"""Characters of the shortest piece, but for what is left over at the end."""
_SHORTEST: Final = 16
_LONGEST: Final = 96
_NEAR: Final = 128
"""Bytes between two pieces, at most."""


@frozen(eq=False)
class Cuts:
    """Some values in order of their numbers."""

    _beginnings: Search = field(repr=False)
    _values: tuple[tuple[int, bytes], ...] = field(repr=False)

    @classmethod
    def of(cls, values: Sequence[bytes], searches: Searches) -> "Cuts":
        """Each value is known by its number; those that are too short are left out."""
        kept = tuple((number, value[:_LONGEST]) for number, value in enumerate(values) if len(value) >= _SHORTEST)
        return cls(searches.literals([value[:_PIECE] for _, value in kept]), kept)

    @property
    def reach(self) -> int:
        """Bytes in which all pieces of any of them stand."""
        return max((len(value) * (_NEAR + _PIECE) // _PIECE for _, value in self._values), default=0)

    def find(self, text: bytes) -> set[int]:
        """The values that were cut up into the text."""
        begun = (self._values[place] for place in self._beginnings.find(text))
        return {number for number, value in begun if _is_cut_into(text, value)}


def _is_cut_into(text: bytes, value: bytes) -> bool:
    at = text.find(value[:_PIECE])
    while at >= 0:
        if _goes_on(text, at, value):
            return True
        at = text.find(value[:_PIECE], at + _PIECE)
    return False


def _goes_on(text: bytes, at: int, value: bytes) -> bool:
    """Whether the pieces of the value follow each other from here on."""
    done = through_words = 0
    while at >= 0:
        length = _common(text, at, value, done)
        at, done = at + length, done + length
        if len(value) - done < _PIECE:
            return through_words > 0
        through_words += _is_in_word(value, done)
        at = text.find(value[done : done + _PIECE], at, at + _NEAR)
    return False


def _common(text: bytes, at: int, value: bytes, done: int) -> int:
    """How many characters of the value from `done` on stand there."""
    length = 0
    for one, other in zip(text[at : at + _LONGEST], value[done:], strict=False):
        if one != other:
            break
        length += 1
    return length


def _is_in_word(value: bytes, place: int) -> bool:
    around = value[place - 1 : place + 1]
    return around.isalpha() or around.isdigit()

"""A value that stands in pieces, close together, with whatever between them: fields, lines, literals, markup.

Only values that look drawn by chance are looked for so: the parts of others meet in texts that never saw the whole.
"""

import re
from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.hints import Search, Searches

_PIECE: Final = 4
"""Characters; a shorter piece is in every text."""
_SHORTEST: Final = 20
_LONGEST: Final = 96
_NEAR: Final = 1024
"""Bytes within which all pieces stand."""
_CHANGE: Final = re.compile(rb"(?<=[0-9])(?=[A-Za-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[a-z])")


@frozen(eq=False)
class Pieces:
    """Some values in pieces."""

    _search: Search = field(repr=False)
    _owners: tuple[tuple[tuple[int, int], ...], ...] = field(repr=False)
    """For each piece that is searched for, the values that hold it, and where in them."""
    _lengths: dict[int, int]

    @classmethod
    def of(cls, values: Sequence[bytes], searches: Searches) -> "Pieces":
        """Of the values, those that can be told by their pieces; each is known by its number."""
        places: dict[bytes, list[tuple[int, int]]] = {}
        lengths = {}
        for number, value in enumerate(values):
            text = value[:_LONGEST]
            if _is_chance(text):
                lengths[number] = len(text)
                for at in range(len(text) - _PIECE + 1):
                    places.setdefault(text[at : at + _PIECE], []).append((number, at))
        return cls(searches.literals(list(places)), tuple(map(tuple, places.values())), lengths)

    def find(self, text: bytes) -> set[int]:
        """The values that stand in the text in pieces. Costs one search in a text that has few pieces of any."""
        return self._near(text) if self._lengths else set()

    def _near(self, text: bytes) -> set[int]:
        found = self._whole(text)
        if not found or len(text) <= 2 * _NEAR:
            return found
        middle = len(text) // 2
        return self._near(text[: middle + _NEAR // 2]) | self._near(text[middle - _NEAR // 2 :])

    def _whole(self, text: bytes) -> set[int]:
        """The values all pieces of which are there, wherever they stand."""
        covered: dict[int, set[int]] = {}
        for piece in self._search.find(text):
            for number, at in self._owners[piece]:
                covered.setdefault(number, set()).update(range(at, at + _PIECE))
        return {number for number, places in covered.items() if self._is_all(number, len(places))}

    def _is_all(self, number: int, covered: int) -> bool:
        """But for what is left over when the value is cut into equal pieces."""
        return self._lengths[number] - covered < _PIECE


def _is_chance(value: bytes) -> bool:
    """Whether letters, cases and digits change so often that no word, name or address does it."""
    return len(value) >= _SHORTEST and 6 * len(_CHANGE.findall(value)) >= len(value)

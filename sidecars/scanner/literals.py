"""The searches that the domain's scanner asks for, by vectorscan."""

from collections.abc import Sequence
from functools import lru_cache

from sidecars.scanner.database import EVERY, FIRST, Database


class Vectorscan:
    """Where the domain's searches come from (`bottle.domain.dlp.hints.Searches`)."""

    @staticmethod
    def literals(texts: Sequence[bytes]) -> "Scan":
        """A search for texts. They are secrets: nothing keeps them but the search."""
        return Scan(texts, literal=True)

    @staticmethod
    def expressions(patterns: Sequence[bytes]) -> "Scan":
        """A search for expressions, which is made once: each engine asks for the same."""
        return _expressions(tuple(patterns))


class Scan:
    """Texts or expressions to be searched for."""

    def __init__(self, texts: Sequence[bytes], *, literal: bool) -> None:
        self._first = Database(texts, FIRST, literal=literal)
        self._every = Database(() if literal else texts, EVERY)

    def find(self, data: bytes) -> Sequence[int]:
        """Which of them stand in the data."""
        found: list[int] = []
        self._first.scan(data, lambda number, *_: found.append(number))
        return found

    def ends(self, data: bytes) -> Sequence[int]:
        """Where the matches of expressions end."""
        ends: list[int] = []
        self._every.scan(data, lambda _number, _start, end, *_: ends.append(end))
        return ends


@lru_cache(32)
def _expressions(patterns: tuple[bytes, ...]) -> Scan:
    return Scan(patterns, literal=False)

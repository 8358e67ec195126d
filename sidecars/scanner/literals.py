"""The searches that the domain's scanner asks for, by vectorscan."""

from collections.abc import Sequence

from attrs import frozen

from sidecars.scanner.database import EVERY, FIRST, Database


@frozen
class Vectorscan:
    """Where the domain's searches come from (`bottle.domain.dlp.hints.Searches`). Some hold secrets: none is kept."""

    def literals(self, texts: Sequence[bytes]) -> "Scan":
        """A search for texts."""
        return Scan(texts, literal=True)

    def expressions(self, patterns: Sequence[bytes]) -> "Scan":
        """A search for expressions."""
        return Scan(patterns, literal=False)


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

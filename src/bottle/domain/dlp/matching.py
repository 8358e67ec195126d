"""What a set of secret patterns promises to the scan that reads through encodings."""

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen


class GaveUpError(Exception):
    """The data is made of so much that looks like secrets that looking at each costs too much."""


@frozen
class Match:
    """Where a rule found something: the bytes from `start` up to `end`. It never holds them."""

    rule: str
    start: int
    end: int


class Matcher(Protocol):
    """Patterns over a whole buffer. Knows no encodings: it is asked again for each decoded view.

    Pure and thread-safe: it is called from worker threads, and time is linear in the buffer whatever it holds.
    """

    @property
    def window(self) -> int:
        """How many bytes two neighbouring pieces must share, so that a match in the whole is one in a piece."""

    def find(self, data: bytes) -> Sequence[Match]:
        """Every match, in order of `start`. An engine that gives up raises GaveUpError, never returns less."""

    def is_open(self, data: bytes) -> bool:
        """Whether something may have begun in the data that ends far behind it: more than NEAR bytes."""


NEAR: Final = 2048
"""Bytes that what is found does not exceed, but for what `Matcher.is_open` tells of: in so many stand the pieces of a
value."""


class NoPatterns:
    """Finds nothing: registered values alone are looked for."""

    @property
    def window(self) -> int:
        return 0

    def find(self, data: bytes) -> Sequence[Match]:  # noqa: ARG002 - the promise of Matcher
        return ()

    def is_open(self, data: bytes) -> bool:  # noqa: ARG002 - the promise of Matcher
        return False


@frozen
class Quiet:
    """A matcher without the rules that are silent for certain requests."""

    _matcher: Matcher
    _silent: frozenset[str]

    @property
    def window(self) -> int:
        return self._matcher.window

    def find(self, data: bytes) -> Sequence[Match]:
        return [match for match in self._matcher.find(data) if match.rule not in self._silent]

    def is_open(self, data: bytes) -> bool:
        return self._matcher.is_open(data)

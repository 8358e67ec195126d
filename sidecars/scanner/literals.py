"""Many texts or expressions at once, by vectorscan."""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any

import hyperscan


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
    """Texts or expressions, ready to be searched for."""

    def __init__(self, texts: Sequence[bytes], *, literal: bool) -> None:
        self._first = _Database(texts, hyperscan.HS_FLAG_SINGLEMATCH, literal=literal)
        self._every = partial(_Database, () if literal else tuple(texts), 0, literal=False)

    def find(self, data: bytes) -> Sequence[int]:
        """Which of them stand in the data."""
        found: list[int] = []
        self._first.scan(data, lambda number, *_: found.append(number))
        return found

    def ends(self, data: bytes) -> Sequence[int]:
        """Where the matches of expressions end."""
        ends: list[int] = []
        self._all.scan(data, lambda _number, _start, end, *_: ends.append(end))
        return ends

    @cached_property
    def _all(self) -> "_Database":
        return self._every()


class _Database:
    """What vectorscan compiles. Threads share it, each with a scratch of its own."""

    def __init__(self, texts: Sequence[bytes], flag: int, *, literal: bool) -> None:
        self._threads = threading.local()
        self._compiled: hyperscan.Database | None = None
        if texts:
            self._compiled = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            flags = [flag if literal else flag | hyperscan.HS_FLAG_DOTALL] * len(texts)
            ids = list(range(len(texts)))
            self._compiled.compile(expressions=list(texts), ids=ids, elements=len(ids), flags=flags, literal=literal)

    def scan(self, data: bytes, note: Callable[..., Any]) -> None:
        if self._compiled is None or not data:
            return
        scratch = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = hyperscan.Scratch(self._compiled)
        self._compiled.scan(data, match_event_handler=note, scratch=scratch)


@lru_cache(16)
def _expressions(patterns: tuple[bytes, ...]) -> Scan:
    return Scan(patterns, literal=False)

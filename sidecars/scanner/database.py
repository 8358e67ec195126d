"""What vectorscan compiles: many texts or expressions, found in one look over data at gigabytes a second."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import hyperscan

FIRST = hyperscan.HS_FLAG_SINGLEMATCH
"""Each text is told once, where it is found first."""
EVERY = 0


class Database:
    """Compiled when it is first needed, which takes some milliseconds. Threads share it, each with a scratch of its
    own. In expressions `.` is any byte."""

    def __init__(self, texts: Sequence[bytes], flag: int, *, literal: bool = False) -> None:
        self._texts, self._literal = list(texts), literal
        self._flag = flag if literal else flag | hyperscan.HS_FLAG_DOTALL
        self._compiled: hyperscan.Database | None = None
        self._compiling = threading.Lock()
        self._threads = threading.local()

    def scan(self, data: bytes, note: Callable[..., Any]) -> None:
        """Calls `note` with number, start, end and flags of each match; the start is 0, as nobody asks for it."""
        if not self._texts or not data:
            return
        database = self._compiled or self._compile()
        scratch = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = hyperscan.Scratch(database)
        database.scan(data, match_event_handler=note, scratch=scratch)

    def _compile(self) -> hyperscan.Database:
        with self._compiling:
            if self._compiled is None:
                count = len(self._texts)
                database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
                database.compile(
                    expressions=self._texts,
                    ids=list(range(count)),
                    elements=count,
                    flags=[self._flag] * count,
                    literal=self._literal,
                )
                self._compiled = database
            return self._compiled

"""Many literals at once, by vectorscan."""

import threading
from collections.abc import Sequence

import hyperscan


class Vectorscan:
    """Literals compiled to one database. Threads share it, each with a scratch of its own."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        self._database: hyperscan.Database | None = None
        self._threads = threading.local()
        if literals:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            flags = [hyperscan.HS_FLAG_SINGLEMATCH] * len(literals)
            ids = list(range(len(literals)))
            self._database.compile(expressions=list(literals), ids=ids, elements=len(ids), flags=flags, literal=True)

    def find(self, data: bytes) -> Sequence[int]:
        """Which literals stand in the data."""
        if self._database is None or not data:
            return ()
        found: list[int] = []
        scratch = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = hyperscan.Scratch(self._database)
        self._database.scan(data, match_event_handler=lambda number, *_: found.append(number), scratch=scratch)
        return found

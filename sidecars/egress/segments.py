"""The files of the trail: the one that grows, and those that are full, numbered in the order of their lines."""

import os
import re
from pathlib import Path
from typing import Final

from sidecars.egress import limits

NAME: Final = "audit.jsonl"
_CLOSED = re.compile(r"audit-([0-9]{6,9})\.jsonl\Z")


class Segments:
    """The full files of one directory. Only this process makes them; whoever keeps them elsewhere makes room."""

    def __init__(self, directory: Path) -> None:
        """Raises OSError for a directory that cannot be read."""
        self._directory = directory
        self._last = 0
        self._size = 0
        self._count()

    def have_room_for(self, size: int) -> bool:
        """Whether so many bytes beside the full files are within what the trail may take in all."""
        if self._size + size > limits.AUDIT_TOTAL:
            self._count()
        return self._size + size <= limits.AUDIT_TOTAL

    def succeed(self, flags: int) -> int:
        """Numbers the file that grew until now and opens a new one. Raises OSError; the next call then goes on where
        this one stopped."""
        grown, numbered = self._directory / NAME, self._directory / f"audit-{self._last + 1:06d}.jsonl"
        if grown.exists():  # else it was numbered, and the new one could not be opened
            grown.rename(numbered)
            self._last += 1
        opened = os.open(grown, flags | os.O_EXCL, 0o644)
        self._count()
        return opened

    def _count(self) -> None:
        """What lies there now; numbers are never given twice."""
        found = {path: int(match[1]) for path in self._directory.iterdir() if (match := _CLOSED.match(path.name))}
        self._last = max([self._last, *found.values()])
        self._size = sum(path.lstat().st_size for path in found)

"""One growing file that somebody else writes, read to its present end again and again.

Whatever it holds, reading ends, stays within memory, and yields text that is safe to print.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from attrs import define

from bottle.adapters.disk import open_regular

LONGEST_LINE = 256 * 1024
"""A longer line is cut here, and ends in `CUT`."""
CUT = "…"

_CHUNK = 64 * 1024
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Stamped = tuple[datetime, str]


@define
class Tail:
    """One growing file, read to its present end again and again."""

    path: Path
    _descriptor: int | None = None
    _position: int = 0
    _rest: bytes = b""
    _skipping: bool = False
    _latest: datetime = LONG_AGO

    def lines(self, *, last: bool) -> Iterator[Stamped]:
        """What was added since, with times that never go back; with `last` also a line that was not finished."""
        if self._descriptor is not None and not self.is_at(self.path):
            yield from self.rest()
        self.open()
        if self._descriptor is not None:
            yield from self._added(last=last)

    def rest(self) -> Iterator[Stamped]:
        """What is left of a file that grows no more, which is closed then."""
        self.open()
        if self._descriptor is not None:
            yield from self._added(last=True)
            self.close()

    def skip(self, keep: int) -> None:
        """Passes over all that is there but its last `keep` bytes, and over the line that these begin in."""
        self.open()
        if self._descriptor is not None:
            beyond = os.fstat(self._descriptor).st_size - keep
            if beyond > 0:
                self._position, self._skipping = beyond, True

    def is_at(self, path: Path) -> bool:
        """Whether the open file is the one at this path now."""
        if self._descriptor is None:
            return False
        try:
            there = path.lstat()
        except FileNotFoundError:
            return False
        mine = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self) -> None:
        """Opens the file at the path, where there is one and none is open."""
        if self._descriptor is not None:
            return
        try:
            self._descriptor = open_regular(self.path)
        except FileNotFoundError:
            return
        self._position, self._rest, self._skipping = 0, b"", False

    def _added(self, *, last: bool) -> Iterator[Stamped]:
        # The size is taken once: a writer that is faster than we are must not keep us here.
        assert self._descriptor is not None  # noqa: S101
        size = os.fstat(self._descriptor).st_size
        if size < self._position:
            self._position, self._rest, self._skipping = 0, b"", False
        while self._position < size:
            chunk = os.pread(self._descriptor, min(_CHUNK, size - self._position), self._position)
            if not chunk:
                break
            self._position += len(chunk)
            yield from self._split(chunk)
        if last and self._rest:
            yield self._stamped(self._rest)
            self._rest = b""

    def _split(self, chunk: bytes) -> Iterator[Stamped]:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            line, self._rest = self._rest + part, b""
            if line and not self._skipping:
                yield self._stamped(line)
            self._skipping = False
        if self._skipping:
            return
        self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            yield self._stamped(self._rest)
            self._rest, self._skipping = b"", True

    def _stamped(self, line: bytes) -> Stamped:
        cut = CUT if len(line) > LONGEST_LINE else ""
        text = _CONTROL.sub("\ufffd", line[:LONGEST_LINE].decode("utf-8", "replace")) + cut
        self._latest = max(self._latest, _time_of(text) or self._latest)
        return self._latest, text


def _time_of(line: str) -> datetime | None:
    try:
        values = json.loads(line)
        moment = datetime.fromisoformat(values["time"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""The audit trail: lines that a sidecar and the host wrote, read as one.

The sidecar's file is untrusted: whatever it holds, reading ends, stays within memory, and yields text that is safe to
print.
"""

import heapq
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import define

from bottle.adapters.disk import open_regular
from bottle.domain.state import Event

LONGEST_LINE = 256 * 1024
"""A longer line is cut here, and ends in `CUT`."""
CUT = "…"

_CHUNK = 64 * 1024
_POLL_SECONDS = 0.2
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Stamped = tuple[datetime, str]


def event_line(event: Event) -> bytes:
    """The lifecycle line of the trail that says this."""
    values = {
        "time": event.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "identity": event.identity,
        "kind": "lifecycle",
        "allowed": event.allowed,
        "rule": event.rule,
        "reason": event.reason,
        "status": event.status,
    }
    return (json.dumps(values) + "\n").encode()


def merged(paths: Sequence[Path], *, follow: bool, alive: Callable[[], bool]) -> Iterator[str]:
    """The lines of all files by time, a line without one beside its neighbour in the file.

    With `follow` goes on, as files grow, are rotated or truncated, until `alive` says no.
    """
    tails = [Tail(path) for path in paths]
    try:
        while True:
            lasts = not follow or not alive()
            for _, line in heapq.merge(*(tail.lines(last=lasts) for tail in tails), key=lambda stamped: stamped[0]):
                yield line
            if lasts:
                return
            time.sleep(_POLL_SECONDS)
    finally:
        for tail in tails:
            tail.close()


@define
class Tail:
    """One growing file, read to its present end again and again."""

    path: Path
    _descriptor: int | None = None
    _position: int = 0
    _rest: bytes = b""
    _skipping: bool = False
    _latest: datetime = _LONG_AGO

    def lines(self, *, last: bool) -> Iterator[Stamped]:
        """What was added since, with times that never go back; with `last` also a line that was not finished."""
        if self._descriptor is not None and self._was_replaced():
            yield from self._added(last=True)
            self.close()
        if self._descriptor is None:
            self._open()
        if self._descriptor is not None:
            yield from self._added(last=last)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        try:
            self._descriptor = open_regular(self.path)
        except FileNotFoundError:
            return
        self._position, self._rest, self._skipping = 0, b"", False

    def _was_replaced(self) -> bool:
        assert self._descriptor is not None  # noqa: S101
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return True
        mine = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)

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

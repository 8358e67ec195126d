"""The audit trail: lines that a sidecar and the host wrote, read as one."""

import heapq
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Protocol

from bottle.adapters.state.tail import Stamped
from bottle.domain.state import Event

_POLL_SECONDS = 0.2


class Source(Protocol):
    """Where lines come from."""

    def lines(self, *, last: bool) -> Iterator[Stamped]:
        """What was added since, with times that never go back; with `last` also a line that was not finished."""

    def skip(self, keep: int) -> None:
        """Passes over what is there already but for its last `keep` bytes."""

    def close(self) -> None: ...


def event_line(event: Event) -> bytes:
    """The line of the trail that says this."""
    values = {
        "time": event.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "identity": event.identity,
        "kind": event.kind,
        "allowed": event.allowed,
        "rule": event.rule,
        "reason": event.reason,
        "status": event.status,
    }
    return (json.dumps(values) + "\n").encode()


def added(sources: Sequence[Source], *, last: bool = False) -> Iterator[str]:
    """The lines of all sources since the last call, by time, a line without one beside its neighbour."""
    each = (source.lines(last=last) for source in sources)
    return (line for _, line in heapq.merge(*each, key=lambda stamped: stamped[0]))


def merged(sources: Sequence[Source], *, follow: bool, alive: Callable[[], bool]) -> Iterator[str]:
    """The lines of all sources.

    With `follow` goes on, as files grow, are rotated or truncated, until `alive` says no.
    """
    try:
        while True:
            lasts = not follow or not alive()
            yield from added(sources, last=lasts)
            if lasts:
                return
            time.sleep(_POLL_SECONDS)
    finally:
        for source in sources:
            source.close()

"""A bottle's traffic over the last minutes, as a row of bars."""

from collections import Counter
from collections.abc import Sequence

from attrs import define, field, frozen

from bottle.domain.trail import Entry

SECONDS = 10.0
SPANS = 30
"""The bars together are five minutes, the present one last."""


@frozen
class Bar:
    """What was asked for in one span, and how much of it was refused."""

    asked: int = 0
    refused: int = 0


@define
class Pulse:
    """Counts by span. Spans begin at multiples of `SECONDS`, so that a bar stays as it is until it leaves."""

    _asked: Counter[int] = field(factory=Counter)
    _refused: Counter[int] = field(factory=Counter)

    def take(self, entry: Entry) -> None:
        if not entry.is_traffic:
            return
        span = int(entry.moment // SECONDS)
        self._asked[span] += 1
        self._refused[span] += not entry.allowed

    def bars(self, now: float) -> Sequence[Bar]:
        """The last `SPANS` spans; what is older is forgotten."""
        last = int(now // SECONDS)
        first = last - SPANS + 1
        for counts in (self._asked, self._refused):
            for old in [span for span in counts if span < first]:
                del counts[old]
        return [Bar(self._asked[span], self._refused[span]) for span in range(first, last + 1)]

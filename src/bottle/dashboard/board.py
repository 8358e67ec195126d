"""What the dashboard shows, taken together in one look at the world."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import define, field, frozen

from bottle.app import inventory, proposals
from bottle.app.ports import TrailEnd, World
from bottle.dashboard.pulse import Bar, Pulse
from bottle.domain.errors import BottleError
from bottle.domain.state import BottleRow
from bottle.domain.supervise import Asked
from bottle.domain.trail import Entry, entry_of


@frozen
class Line:
    """A line of one bottle's trail."""

    identity: str
    entry: Entry


@frozen
class Board:
    """One look. `lines` were added to the trails since the last one, by time; `fault` says what could not be looked at:
    then the rest is as it was."""

    now: datetime
    rows: tuple[BottleRow, ...] = ()
    waiting: tuple[Asked, ...] = ()
    pulses: Mapping[str, Sequence[Bar]] = field(factory=dict)
    lines: tuple[Line, ...] = ()
    fault: BottleError | None = None

    def row(self, identity: str) -> BottleRow | None:
        return next((row for row in self.rows if row.identity == identity), None)


@define
class Looker:
    """Looks at the world again and again; reads of each trail only what is new. One thread at a time."""

    world: World
    everything: bool = False
    """Also bottles that ended or were lost, and left state."""
    _last: Board | None = None
    _ends: dict[str, TrailEnd] = field(factory=dict)
    _pulses: dict[str, Pulse] = field(factory=dict)

    def look(self) -> Board:
        now = self.world.clock.now()
        last = self._last or Board(now)
        try:
            board = self._look(now)
        except BottleError as error:
            board = Board(now, last.rows, last.waiting, last.pulses, fault=error)
        self._last = board
        return board

    def close(self) -> None:
        for identity in list(self._ends):
            self._forget(identity)

    def _look(self, now: datetime) -> Board:
        rows = tuple(inventory.rows(self.world, everything=self.everything))
        asking = [row.identity for row in rows if row.pending and row.status not in ("ended", "lost")]
        waiting = [asked for identity in asking for asked in proposals.proposals(self.world, identity)]
        lines = self._added([row.identity for row in rows])
        return Board(
            now=now,
            rows=rows,
            waiting=tuple(asked for asked in waiting if asked.state(now.timestamp()) == "pending"),
            pulses={identity: pulse.bars(now.timestamp()) for identity, pulse in self._pulses.items()},
            lines=tuple(sorted(lines, key=lambda line: line.entry.moment)),
        )

    def _added(self, identities: Sequence[str]) -> Sequence[Line]:
        for gone in self._ends.keys() - set(identities):
            self._forget(gone)
        return [line for identity in identities for line in self._read(identity)]

    def _read(self, identity: str) -> Sequence[Line]:
        """What was added to one trail; a trail that cannot be read shows nothing, and is told by who opens it."""
        try:
            if identity not in self._ends:
                self._ends[identity] = self.world.state.audit_end(identity)
            texts = self._ends[identity].added()
        except BottleError:
            return ()
        entries = [entry for text in texts if (entry := entry_of(text)) is not None and entry.kind != "opened"]
        pulse = self._pulses.setdefault(identity, Pulse())
        for entry in entries:
            pulse.take(entry)
        return [Line(identity, entry) for entry in entries]

    def _forget(self, identity: str) -> None:
        self._ends.pop(identity).close()
        self._pulses.pop(identity, None)

"""What all connections share: the rules of the moment, the trail, and who is connected."""

from typing import Protocol

from attrs import define, field

from sidecars.egress import limits
from sidecars.egress.audit import Entry, Trail
from sidecars.egress.dial import Dialler
from sidecars.egress.refusal import Refusal
from sidecars.egress.rules import Rules
from sidecars.evidence.files import AuditError


class Guest(Protocol):
    """A connection from the box, of whatever kind."""

    def tick(self, now: float) -> None:
        """Looks at its deadlines."""

    def reloaded(self) -> None:
        """The rules were replaced; what they no longer allow to go on ends."""

    def abort(self) -> None:
        """Ends at once."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that is worth waiting for."""


@define(eq=False)
class Gateway:
    """The one place that connections look at; a reload replaces `rules` and nothing else."""

    rules: Rules
    trail: Trail
    dialler: Dialler
    is_stopping: bool = False
    guests: set[Guest] = field(factory=set)

    @property
    def is_full(self) -> bool:
        return len(self.guests) >= limits.CONNECTIONS

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way that is worth waiting for."""
        return any(guest.is_busy for guest in self.guests)

    def replace(self, rules: Rules) -> None:
        """From now on these rules judge; what is under way ends under the old ones."""
        old, self.rules = self.rules, rules
        self.withhold()
        old.pool.close()
        for guest in tuple(self.guests):
            guest.reloaded()

    def withhold(self) -> None:
        """Keeps what is secret now out of the trail."""
        proxy = self.dialler.proxy
        self.trail.withhold([*self.rules.secrets.values(), *([proxy.credential, proxy.password] if proxy else [])])

    def sweep(self, now: float) -> None:
        """Looks at every deadline; called once in a while."""
        for guest in tuple(self.guests):
            guest.tick(now)
        self.rules.pool.sweep(now)
        self.trail.flush()

    def note_refusal(self, entry: Entry, refusal: Refusal) -> None:
        """Writes the refusal down. A trail that takes no line changes nothing: nothing was let out."""
        entry.allowed, entry.rule, entry.reason = False, refusal.rule, refusal.reason
        entry.status = refusal.status
        self.trail.close(entry)

    def opens(self, entry: Entry) -> Refusal | None:
        """Writes down that the exchange begins; the refusal, where that is impossible."""
        try:
            self.trail.open(entry)
        except AuditError as error:
            return Refusal(
                503, "audit.unwritable", f"the audit trail cannot be written ({error}), so nothing is let out"
            )
        return None

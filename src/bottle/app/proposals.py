"""What stuck agents asked for, and what is written down of it and of the answers."""

from collections.abc import Iterator, Sequence

from bottle.app import findings, inventory
from bottle.app.ports import World
from bottle.domain.egress import Grant
from bottle.domain.errors import ConflictError, NotFoundError
from bottle.domain.fragments import fragment_concerns
from bottle.domain.names import did_you_mean
from bottle.domain.state import Event
from bottle.domain.supervise import (
    Asked,
    CapabilityWish,
    Decision,
    EgressWish,
    Proposal,
    ScanWish,
    State,
    concerns,
    route_for,
)


def proposals(world: World, identity: str | None = None) -> Sequence[Asked]:
    """What was asked in one bottle, or in all of them; oldest first. Raises NotFoundError for an unknown bottle."""
    if identity is not None:
        inventory.known(world, identity)
    identities = [identity] if identity is not None else world.state.identities()
    found = [asked for one in identities for asked in world.supervise.asked(one)]
    return sorted(found, key=lambda asked: asked.proposal.asked_at)


def find(world: World, number: str) -> Asked:
    """The proposal of this id. Raises NotFoundError; and ConflictError where two bottles have it, which none has by
    chance: a yes to what was read of one must not go to the other."""
    found = proposals(world)
    known = {asked.proposal.id: asked for asked in found}
    if sum(asked.proposal.id == number for asked in found) > 1:
        raise ConflictError(
            f"two bottles ask as '{number}': neither is answered", hint="`bottle supervise list --all` shows both"
        )
    if number not in known:
        hint = did_you_mean(number, known) or "`bottle supervise list` shows what waits"
        raise NotFoundError(f"no proposal is called '{number}'", hint=hint)
    return known[number]


def concerns_of(world: World, asked: Asked) -> Sequence[str]:
    """What an operator should know before saying yes."""
    identity, wish = asked.proposal.identity, asked.proposal.wish
    match wish:
        case ScanWish():
            return findings.doubts(findings.evidence(world, asked))
        case EgressWish():
            return concerns(route_for(wish, Grant(asked.proposal.id)), world.supervise.grants(identity).base)
        case CapabilityWish(fragment):
            return fragment_concerns(fragment)
        case _:
            return ()


def state_of(world: World, asked: Asked) -> State:
    """How a proposal stands now."""
    return asked.state(world.clock.now().timestamp())


def new_proposals(world: World, seen: set[str], identity: str | None = None) -> Iterator[tuple[Asked, Sequence[str]]]:
    """Those that wait and are not in `seen` yet, which takes them up, with complaints of notifying; each is notified of
    once on this host, whoever watches."""
    for asked in proposals(world, identity):
        proposal = asked.proposal
        if proposal.id in seen or state_of(world, asked) != "pending":
            continue
        seen.add(proposal.id)
        if _first_seen(world, proposal):
            yield asked, world.notifier.notify(asked)
        else:
            yield asked, ()


def tell(world: World, proposal: Proposal, decision: Decision) -> Decision:
    """Lays an answer down where the agent finds it, and writes it into the trail."""
    _first_seen(world, proposal)
    world.supervise.tell(proposal.identity, decision)
    until = "" if decision.until is None else f", until {decision.until:.0f}"
    scope = f" ({decision.scope}{until})" if decision.scope else ""
    said = ": ".join(part for part in (f"{proposal.title}{scope}", decision.answer, decision.reason) if part)
    _record(world, proposal, decision.state, said, allowed=decision.state in ("applied", "approved"))
    return decision


def _first_seen(world: World, proposal: Proposal) -> bool:
    """Whether nobody has noticed the proposal before; then it is written down."""
    first = world.supervise.first_notice(proposal.identity, proposal.id)
    if first:
        _record(world, proposal, "asked", f"{proposal.title}: {proposal.why}")
    return first


def _record(world: World, proposal: Proposal, what: str, said: str, *, allowed: bool = True) -> None:
    """A line of the trail: by whom, about which proposal, what."""
    by = f" by {world.account}" if what != "asked" and world.account else ""
    reason = f"{proposal.id}{by}: {said}"
    rule = f"{proposal.kind}.{what}"
    world.state.record(Event(world.clock.now(), proposal.identity, rule, reason, allowed=allowed, kind="supervise"))

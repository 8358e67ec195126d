"""Answers to stuck agents: what comes of a yes or a no.

A yes takes effect before it is told: the way out judges by the new rules when the waiting agent hears of it. What
cannot be made to hold is told as failed, and the old rules stand.
"""

from collections.abc import Mapping

from attrs import evolve, frozen

from bottle.app import capability, inventory
from bottle.app.ports import ManifestEdit, World
from bottle.app.proposals import concerns_of, find, state_of, tell
from bottle.domain.egress import Grant, Route
from bottle.domain.errors import BottleError, ConflictError, DeclinedError, UsageError
from bottle.domain.fragments import fragment_concerns
from bottle.domain.supervise import (
    LONGEST_WHY,
    MOST_MINUTES,
    Asked,
    CapabilityWish,
    Decision,
    EgressWish,
    InvalidProposalError,
    Proposal,
    Question,
    ScanWish,
    Scope,
    checked,
    concerns,
    plain_fault,
    route_for,
)
from bottle.domain.supervise_draft import Draft, draft_text, read_draft

_BY_HAND = "the operator installed it: it is there now"


@frozen
class Approval:
    """A yes. `minutes` goes with the scope of that name; `answer` with a question; `edited` is granted instead of what
    was asked for. `even_so`: the operator knows of what `Reviewed.concerns` points out. `by_hand`: the operator has
    done it, and only says so."""

    scope: Scope = "bottle"
    minutes: int = 0
    answer: str = ""
    reason: str = ""
    edited: EgressWish | CapabilityWish | None = None
    even_so: bool = False
    by_hand: bool = False


@frozen
class Reviewed:
    """What a yes would do: the route or the finding that would pass, or the lines that the image would have; what to
    know about it, and the file that would be changed."""

    asked: Asked
    approval: Approval
    route: Route | None = None
    fingerprint: str | None = None
    fragment: str | None = None
    concerns: tuple[str, ...] = ()
    edit: ManifestEdit | None = None


def review(world: World, number: str, approval: Approval) -> Reviewed:
    """What a yes would do; nothing is changed. Raises NotFoundError, ConflictError, UsageError, ManifestError."""
    asked = find(world, number)
    _require_pending(world, asked)
    _require_fitting(asked.proposal, approval)
    wish = approval.edited or asked.proposal.wish
    if isinstance(wish, ScanWish):
        return _finding_reviewed(world, asked, approval, wish.fingerprint)
    if isinstance(wish, CapabilityWish):
        return _lines_reviewed(world, asked, approval, wish)
    if not isinstance(wish, EgressWish):
        return Reviewed(asked, approval)
    return _route_reviewed(world, asked, approval, wish)


def _route_reviewed(world: World, asked: Asked, approval: Approval, wish: EgressWish) -> Reviewed:
    route = _route(asked.proposal, wish, approval, _now(world))
    world.home_manifests.judge(route)
    identity = asked.proposal.identity
    edit = None
    if approval.scope == "kept":
        edit = world.home_manifests.with_route(world.state.read(identity).bottle, route)
    noted = concerns(route, world.supervise.grants(identity).base)
    return Reviewed(asked, approval, route, concerns=noted, edit=edit)


def _finding_reviewed(world: World, asked: Asked, approval: Approval, fingerprint: str) -> Reviewed:
    if approval.scope not in ("bottle", "kept"):
        raise UsageError(f"{asked.proposal.id}: what the scanner lets pass holds for this bottle, or is kept")
    edit = None
    if approval.scope == "kept":
        bottle = world.state.read(asked.proposal.identity).bottle
        edit = world.home_manifests.with_approved(bottle, fingerprint)
    noted = tuple(concerns_of(world, asked))
    return Reviewed(asked, approval, fingerprint=fingerprint, concerns=noted, edit=edit)


def _lines_reviewed(world: World, asked: Asked, approval: Approval, wish: CapabilityWish) -> Reviewed:
    number, identity = asked.proposal.id, asked.proposal.identity
    if approval.by_hand:
        return Reviewed(asked, approval)
    if approval.scope not in ("bottle", "kept"):
        raise UsageError(f"{number}: what an image has holds for this bottle, or is kept")
    try:
        checked(evolve(asked.proposal, wish=wish))
    except InvalidProposalError as error:
        raise UsageError(str(error)) from None
    capability.require_possible(world, identity, wish.fragment)
    edit = None
    if approval.scope == "kept":
        edit = world.home_manifests.with_fragment(world.state.read(identity).bottle, wish.fragment)
    return Reviewed(asked, approval, fragment=wish.fragment, concerns=fragment_concerns(wish.fragment), edit=edit)


def edit(world: World, identity: str, draft: Draft) -> Draft | None:
    """What the operator made of a bottle's wish in an editor; None where nothing was left. Raises UsageError."""
    try:
        return read_draft(world.editor.edit(draft_text(draft), identity))
    except InvalidProposalError as error:
        raise UsageError(f"not understood: {error}") from None


def edited(world: World, proposal: Proposal, approval: Approval) -> Approval:
    """The yes as the operator made it in an editor. Raises UsageError, DeclinedError where nothing was left of it."""
    wish = approval.edited or proposal.wish
    if not isinstance(wish, EgressWish):
        raise UsageError(f"{proposal.id} is about no host", hint=f"it is a {proposal.kind}")
    draft = edit(world, proposal.identity, Draft(wish, approval.scope, approval.minutes, approval.reason))
    if draft is None:
        raise DeclinedError("nothing was left of it; nothing was approved")
    return evolve(approval, edited=draft.wish, scope=draft.scope, minutes=draft.minutes, reason=draft.reason)


def approve(world: World, reviewed: Reviewed) -> Decision:
    """Carries a yes out and tells it. Raises what `review` raises, and UsageError for concerns that were not accepted.

    A failure on the way is the answer too: the decision's state says `failed`, and its reason why.
    """
    if reviewed.concerns and not reviewed.approval.even_so:
        raise UsageError(f"not approved: {'; '.join(reviewed.concerns)}", hint="`--even-so` approves it all the same")
    identity, number = reviewed.asked.proposal.identity, reviewed.asked.proposal.id
    with world.supervise.deciding(identity):
        _require_pending(world, find(world, number))
        decision = tell(world, reviewed.asked.proposal, _carried_out(world, reviewed))
    if reviewed.fragment is None:
        return decision
    return capability.carry_out(world, reviewed.asked.proposal, reviewed.fragment, reviewed.edit)


def reject(world: World, number: str, reason: str) -> Decision:
    """Says no; the agent reads the reason. Raises NotFoundError, ConflictError, UsageError."""
    _require_plain(reason, "--reason")
    asked = find(world, number)
    with world.supervise.deciding(asked.proposal.identity):
        _require_pending(world, find(world, number))
        decision = Decision(number, "rejected", _now(world), world.account, reason=reason)
        return tell(world, asked.proposal, decision)


def _carried_out(world: World, reviewed: Reviewed) -> Decision:
    approval, proposal = reviewed.approval, reviewed.asked.proposal
    yes = Decision(
        proposal.id, "applied", _now(world), world.account, approval.scope, None, approval.reason, approval.answer
    )
    if isinstance(proposal.wish, Question):
        return evolve(yes, scope=None)
    if approval.by_hand:
        return evolve(yes, scope=None, reason=approval.reason or _BY_HAND)
    if reviewed.fragment is not None:
        return evolve(yes, state="approved")
    try:
        _made_to_hold(world, proposal.identity, reviewed)
        if reviewed.edit is not None:
            world.home_manifests.write(reviewed.edit)
    except BottleError as error:
        return evolve(yes, state="failed", reason=str(error)[:LONGEST_WHY])
    grant = reviewed.route.grant if reviewed.route else None
    return evolve(yes, until=grant.until if grant else None)


def _made_to_hold(world: World, identity: str, reviewed: Reviewed) -> None:
    """Has the way out judge by what is granted. Raises BottleError, and then the old rules stand."""
    now = _now(world)
    grants = world.supervise.grants(identity)
    leaves: Mapping[str, str] = {}
    bottle = inventory.find(world, identity)
    if reviewed.route is not None:
        grants = grants.with_route(reviewed.route, now)
        leaves = world.authority.extend(*world.supervise.authority(identity), [reviewed.route.host.text])
    if reviewed.fingerprint is not None:
        grants = grants.with_approved(reviewed.fingerprint)
    bottle.reload(grants.policy(now), leaves)
    world.supervise.keep(identity, grants, now)


def _route(proposal: Proposal, wish: EgressWish, approval: Approval, now: float) -> Route:
    until = now + 60.0 * approval.minutes if approval.scope == "minutes" else None
    try:
        return route_for(wish, Grant(proposal.id, until, once=approval.scope == "once"))
    except InvalidProposalError as error:
        raise UsageError(str(error)) from None


def _require_pending(world: World, asked: Asked) -> None:
    state = state_of(world, asked)
    is_left = state == "approved" and not capability.is_handed_over(world, asked)
    if state != "pending" and not is_left:
        raise ConflictError(f"{asked.proposal.id} is {state} already", hint="`bottle supervise list` shows what waits")


def _require_fitting(proposal: Proposal, approval: Approval) -> None:
    if approval.answer:
        _require_plain(approval.answer, "--answer")
    if approval.by_hand and not isinstance(proposal.wish, CapabilityWish):
        raise UsageError(f"{proposal.id} is nothing that is installed", hint=f"it is a {proposal.kind}")
    if isinstance(proposal.wish, Question):
        if not approval.answer:
            raise UsageError(f"{proposal.id} is a question", hint=_choices(proposal.wish))
        return
    if approval.answer or (approval.edited and type(approval.edited) is not type(proposal.wish)):
        raise UsageError(f"{proposal.id} is about something else", hint=f"it is a {proposal.kind}")
    if approval.scope == "minutes" and not 1 <= approval.minutes <= MOST_MINUTES:
        raise UsageError(f"--minutes: from 1 to {MOST_MINUTES}")


def _choices(question: Question) -> str:
    choices = f": {' / '.join(question.choices)}" if question.choices else ""
    return f"`--answer TEXT` answers it{choices}"


def _require_plain(text: str, option: str) -> None:
    fault = plain_fault(text, LONGEST_WHY)
    if fault is not None:
        raise UsageError(f"{option}: {fault}")


def _now(world: World) -> float:
    return world.clock.now().timestamp()

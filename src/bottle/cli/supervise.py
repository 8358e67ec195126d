"""bottle supervise: what stuck agents ask for, and the operator's answers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import AsJson, Yes

if TYPE_CHECKING:
    from bottle.app.ports import World
    from bottle.app.supervise import Reviewed
    from bottle.domain.supervise import CapabilityWish, Decision, EgressWish, Proposal, Scope

Number = Annotated[str, typer.Argument(metavar="ID", help="A proposal, as the list names it.", show_default=False)]
OfBottle = Annotated[
    str | None, typer.Argument(help="One bottle's alone.", show_default=False, autocompletion=completing.identities)
]
_LOOK_SECONDS = 1.0
_GLANCE_SECONDS = 0.2


def list_proposals(
    identity: OfBottle = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also those that were answered.")] = False,
    as_json: AsJson = False,
) -> int:
    """List what waits for an answer."""
    from bottle.app.proposals import proposals, state_of
    from bottle.cli import asked
    from bottle.cli.render import print_json, print_line, talk
    from bottle.cli.wiring import wire

    world = wire()
    found = [(one, state_of(world, one)) for one in proposals(world, identity)]
    shown = [(one, state) for one, state in found if everything or state == "pending"]
    if as_json:
        print_json([asked.document(one, state) for one, state in shown])
    elif shown:
        print_line(asked.proposal_table(shown))
    else:
        talk("nothing waits for an answer" if not everything else "nothing was asked")
    return 0


def show(number: Number, as_json: AsJson = False) -> int:
    """Show one proposal whole."""
    from bottle.app.findings import evidence
    from bottle.app.proposals import concerns_of, find, state_of
    from bottle.cli import asked
    from bottle.cli.render import print_json, print_line
    from bottle.cli.wiring import wire

    world = wire()
    found = find(world, number)
    state, concerns = state_of(world, found), concerns_of(world, found)
    if as_json:
        print_json({**asked.document(found, state), "concerns": list(concerns)})
    else:
        print_line(asked.whole(found, state, concerns, evidence(world, found)))
    return 0


def approve(
    number: Number,
    once: Annotated[bool, typer.Option("--once", help="For one request.")] = False,
    minutes: Annotated[
        int, typer.Option("--minutes", metavar="N", help="For so many minutes.", show_default=False)
    ] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="For good: also written into the bottle's manifest.")] = False,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="This host instead.", show_default=False)] = None,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="This path instead; '' for any.", show_default=False)
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(metavar="METHOD", help="These methods instead.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="This port instead.", show_default=False)] = None,
    dockerfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The lines in this file instead.", show_default=False)
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="You installed what it lacks: build nothing, and say so.")
    ] = False,
    answer: Annotated[str, typer.Option(metavar="TEXT", help="The answer to a question.", show_default=False)] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="A word to the agent.", show_default=False)] = "",
    edit: Annotated[bool, typer.Option("--edit", help="In your editor (VISUAL, EDITOR) first.")] = False,
    even_so: Annotated[bool, typer.Option("--even-so", help="Although something was pointed out.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Say yes to what was asked.

    For this bottle, unless --once, --minutes or --keep says otherwise. It holds when this returns.
    """
    from bottle.app import proposals, supervise
    from bottle.cli.wiring import wire

    world = wire()
    proposal = proposals.find(world, number).proposal
    edited = _edited(proposal, host, path, method, port) or _lines_in(dockerfile)
    approval = supervise.Approval(_scope(once, minutes, keep), minutes, answer, reason, edited, even_so, by_hand)
    if edit:
        approval = supervise.edited(world, proposal, approval)
    reviewed = supervise.review(world, number, approval)
    _show_edit(world, reviewed, yes=yes)
    return _say(_at_last(world, supervise.approve(world, reviewed)), as_json=as_json)


def reject(
    number: Number,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for the agent to read.", show_default=False)
    ],
    as_json: AsJson = False,
) -> int:
    """Say no, with a reason."""
    from bottle.app import supervise
    from bottle.cli.wiring import wire

    return _say(supervise.reject(wire(), number, reason), as_json=as_json)


def watch(identity: OfBottle = None, as_json: AsJson = False) -> int:
    """Wait for proposals and show each as it comes.

    Until interrupted; with the bell, and BOT_BOTTLE_NOTIFY.
    """
    import time

    from bottle.app.findings import evidence
    from bottle.app.proposals import concerns_of, new_proposals
    from bottle.cli import asked
    from bottle.cli.render import print_json, print_line, warn
    from bottle.cli.wiring import wire

    world, seen = wire(), set[str]()
    while True:
        for one, complaints in new_proposals(world, seen, identity):
            for complaint in complaints:
                warn(complaint)
            if as_json:
                print_json(asked.document(one, "pending"))
            else:
                text = asked.whole(one, "pending", concerns_of(world, one), evidence(world, one))
                print_line(f"{text}\n", flush=True)
                asked.call(one)
        time.sleep(_LOOK_SECONDS)


COMMANDS: dict[str, Callable[..., int]] = {
    "list": list_proposals,
    "show": show,
    "approve": approve,
    "reject": reject,
    "watch": watch,
}


def _scope(once: bool, minutes: int, keep: bool) -> "Scope":
    from bottle.domain.errors import UsageError

    if sum((once, bool(minutes), keep)) > 1:
        raise UsageError("--once, --minutes and --keep exclude each other")
    if once:
        return "once"
    if minutes:
        return "minutes"
    return "kept" if keep else "bottle"


def _edited(
    proposal: "Proposal", host: str | None, path: str | None, methods: list[str] | None, port: int | None
) -> "EgressWish | None":
    """What the operator grants instead; None where that is what was asked for."""
    from bottle.domain.errors import UsageError
    from bottle.domain.supervise import EgressWish

    if host is None and path is None and methods is None and port is None:
        return None
    wish = proposal.wish
    if not isinstance(wish, EgressWish):
        raise UsageError(f"{proposal.id} is about no host", hint=f"it is a {proposal.kind}")
    return EgressWish(
        host=wish.host if host is None else host,
        path=wish.path if path is None else path,
        methods=wish.methods if methods is None else tuple(methods),
        port=wish.port if port is None else port,
    )


def _lines_in(dockerfile: Path | None) -> "CapabilityWish | None":
    """The operator's own lines. Raises UsageError."""
    from bottle.domain.errors import UsageError
    from bottle.domain.supervise import CapabilityWish

    if dockerfile is None:
        return None
    try:
        return CapabilityWish(dockerfile.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--dockerfile: {dockerfile} cannot be read: {error}") from None


def _at_last(world: "World", decision: "Decision") -> "Decision":
    """The answer once the launcher of the bottle has done its part, if there is one to do."""
    import time

    if decision.state != "approved":
        return decision
    from bottle.app import proposals
    from bottle.app.capability import is_handed_over

    while is_handed_over(world, asked := proposals.find(world, decision.id)):
        time.sleep(_GLANCE_SECONDS)
    return asked.decision or decision


def _show_edit(world: "World", reviewed: "Reviewed", *, yes: bool) -> None:
    """Shows what would be written into the operator's file, and asks. Raises DeclinedError."""
    import difflib

    from bottle.cli.render import talk
    from bottle.domain.errors import DeclinedError

    edit = reviewed.edit
    if edit is None:
        return
    before, after = edit.before.splitlines(), edit.after.splitlines()
    talk("\n".join(difflib.unified_diff(before, after, str(edit.path), str(edit.path), lineterm="")))
    if not yes and not world.operator.confirm("write this?"):
        raise DeclinedError("declined; nothing was approved")


def _say(decision: "Decision", *, as_json: bool) -> int:
    from bottle.cli import asked
    from bottle.cli.render import print_json, print_line
    from bottle.domain.errors import BackendError

    if decision.state == "failed":
        raise BackendError(f"{decision.id}: {decision.reason}", hint="the agent was told that it failed")
    if as_json:
        print_json(asked.decision_of(decision))
    else:
        print_line(f"{decision.id} {decision.state}")
    return 0

"""What `start`, `run` and `resume` have in common, from the words on the command line to the agent's status."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from bottle.app.ports import World
    from bottle.app.prepare import Prepared


class WorkingTree(TypedDict):
    """What is wanted of the working tree, as `prepare.Wanted` takes it."""

    cwd: str
    copy_cwd: bool
    include: tuple[str, ...]
    keep_workspace: bool


def working_tree(cwd: bool, include: Sequence[str] | None, *, keep: bool) -> WorkingTree:
    """Raises UsageError for words that mean nothing without --cwd, and where there is no directory to copy."""
    from bottle.cli.environment import working_directory
    from bottle.domain.errors import UsageError

    if include and not cwd:
        raise UsageError("--include copies more of the working tree, and there is no --cwd", hint="add --cwd")
    if keep and not cwd:
        raise UsageError("--keep-workspace keeps a copy of the working tree, and there is no --cwd", hint="add --cwd")
    return {
        "cwd": str(working_directory()) if cwd else "",
        "copy_cwd": cwd,
        "include": tuple(include or ()),
        "keep_workspace": keep,
    }


def confirm(world: "World", prepared: "Prepared", *, yes: bool) -> None:
    """Shows the plan and asks. Raises DeclinedError; BackendError before anybody is asked in vain."""
    from bottle.app.prepare import require_ready
    from bottle.cli.render import preflight, talk
    from bottle.domain.errors import DeclinedError

    talk(preflight(prepared.plan))
    require_ready(prepared)
    if not yes and not world.operator.confirm("start this bottle?"):
        raise DeclinedError("declined; nothing was started")


def attached(world: "World", prepared: "Prepared") -> int:
    from bottle.app.start import run_attached
    from bottle.cli.calling import calling

    with calling(world, prepared.plan):
        return run_attached(world, prepared, lambda: tell_traffic(world, prepared.plan.identity))


def tell_traffic(world: "World", identity: str) -> None:
    """What went out and what was refused. A trail that cannot be read is told, and changes no exit status."""
    from bottle.cli.render import talk, traffic, warn
    from bottle.domain.errors import BottleError
    from bottle.domain.traffic import traffic_of

    try:
        talk(traffic(traffic_of(world.state.audit_lines(identity))))
    except BottleError as error:
        warn(f"no summary of what went out: {error}")


def detached(world: "World", prepared: "Prepared", *, as_json: bool) -> int:
    from bottle.app.start import run_detached
    from bottle.cli.render import print_json, print_line

    identity = run_detached(world, prepared).identity
    if as_json:
        print_json({"identity": identity})
    else:
        print_line(identity)
    return 0

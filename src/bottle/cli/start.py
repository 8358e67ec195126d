"""bottle start: plan, preflight, confirm, launch, attach."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli.options import Agent, AsJson, Backend, Yes

if TYPE_CHECKING:
    from bottle.app.ports import World
    from bottle.app.prepare import Prepared


def start(
    agent: Agent,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="For the agent program, after `--`.", show_default=False)
    ] = None,
    cwd: Annotated[bool, typer.Option("--cwd/--no-cwd", help="Copy this directory in as the workspace.")] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="With --cwd: copy this too, though .gitignore leaves it out or it may hold secrets.",
            metavar="PATTERN",
            show_default=False,
        ),
    ] = None,
    backend: Backend = None,
    label: Annotated[
        str | None, typer.Option(help="What to call this bottle in lists; asked for.", show_default=False)
    ] = None,
    color: Annotated[str | None, typer.Option(help="The colour of its label; asked for.", show_default=False)] = None,
    remote_control: Annotated[
        bool, typer.Option("--remote-control", help="Let the agent be steered remotely.")
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and touch nothing.")] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the bottle running and return.")] = False,
    as_json: AsJson = False,
) -> int:
    """Start an agent in a bottle. The exit status is the agent's; bottle's own failures are their status + 100."""
    from bottle.app.naming import named
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.render import warn
    from bottle.cli.wiring import wire
    from bottle.domain.errors import UsageError

    if include and not cwd:
        raise UsageError("--include copies more of the working tree, and there is no --cwd", hint="add --cwd")
    world = wire()
    here = str(Path.cwd()) if cwd else ""
    wanted = Wanted(
        agent, backend, label, color, here, cwd, tuple(include or ()), remote_control, tuple(arguments or ())
    )
    prepared = prepare(world, wanted if yes or dry_run else named(world, wanted))
    for warning in world.manifests.warnings():
        warn(warning)
    if dry_run:
        return _show(prepared, as_json=as_json)
    _confirm(world, prepared, yes=yes)
    return _detached(world, prepared, as_json=as_json) if detach else _attached(world, prepared)


def _show(prepared: "Prepared", *, as_json: bool) -> int:
    from bottle.cli.documents import of_plan
    from bottle.cli.render import preflight, print_json, print_line

    if as_json:
        print_json(of_plan(prepared.plan))
    else:
        print_line(preflight(prepared.plan))
    return 0


def _confirm(world: "World", prepared: "Prepared", *, yes: bool) -> None:
    """Shows the plan and asks. Raises DeclinedError; BackendError before anybody is asked in vain."""
    from bottle.app.prepare import require_ready
    from bottle.cli.render import preflight, talk
    from bottle.domain.errors import DeclinedError

    talk(preflight(prepared.plan))
    require_ready(prepared)
    if not yes and not world.operator.confirm("start this bottle?"):
        raise DeclinedError("declined; nothing was started")


def _attached(world: "World", prepared: "Prepared") -> int:
    from bottle.app.start import run_attached
    from bottle.cli.calling import calling

    with calling(world, prepared.plan):
        status = run_attached(world, prepared)
    _tell_traffic(world, prepared.plan.identity)
    return status


def _tell_traffic(world: "World", identity: str) -> None:
    """What went out and what was refused. A trail that cannot be read is told, and changes no exit status."""
    from bottle.cli.render import talk, traffic, warn
    from bottle.domain.errors import BottleError
    from bottle.domain.traffic import traffic_of

    try:
        talk(traffic(traffic_of(world.state.audit_lines(identity))))
    except BottleError as error:
        warn(f"no summary of what went out: {error}")


def _detached(world: "World", prepared: "Prepared", *, as_json: bool) -> int:
    from bottle.app.start import run_detached
    from bottle.cli.render import print_json, print_line

    identity = run_detached(world, prepared).identity
    if as_json:
        print_json({"identity": identity})
    else:
        print_line(identity)
    return 0

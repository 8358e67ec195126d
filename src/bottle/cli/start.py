"""bottle start: plan, preflight, confirm, launch, attach."""

from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli.options import (
    Agent,
    Arguments,
    AsJson,
    Backend,
    Color,
    Cwd,
    Detach,
    Include,
    KeepWorkspace,
    Label,
    RemoteControl,
    Yes,
)

if TYPE_CHECKING:
    from bottle.app.prepare import Prepared


def start(
    agent: Agent,
    arguments: Arguments = None,
    cwd: Cwd = False,
    include: Include = None,
    keep_workspace: KeepWorkspace = False,
    backend: Backend = None,
    label: Label = None,
    color: Color = None,
    remote_control: RemoteControl = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and touch nothing.")] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> int:
    """Start an agent in a bottle.

    Shows what it may reach and which walls stand, asks, and hands you the agent. The exit status is the agent's;
    bottle's own failures are their status + 100.
    """
    from bottle.app.naming import named
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.render import warn
    from bottle.cli.starting import attached, confirm, detached, working_tree
    from bottle.cli.wiring import wire

    world = wire()
    wanted = Wanted(
        agent,
        backend,
        label,
        color,
        **working_tree(cwd, include, keep=keep_workspace),
        remote_control=remote_control,
        arguments=tuple(arguments or ()),
    )
    prepared = prepare(world, wanted if yes or dry_run else named(world, wanted))
    for warning in world.manifests.warnings():
        warn(warning)
    if dry_run:
        return _show(prepared, as_json=as_json)
    confirm(world, prepared, yes=yes)
    return detached(world, prepared, as_json=as_json) if detach else attached(world, prepared)


def _show(prepared: "Prepared", *, as_json: bool) -> int:
    from bottle.cli.documents import of_plan
    from bottle.cli.render import preflight, print_json, print_line

    if as_json:
        print_json(of_plan(prepared.plan))
    else:
        print_line(preflight(prepared.plan))
    return 0

"""bottle info: what an agent's bottle comes to."""

from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import AsJson, Backend

if TYPE_CHECKING:
    from bottle.app.ports import World


def info(
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT",
            help="An agent, or a bottle as `bottle list` names it.",
            show_default=False,
            autocompletion=completing.agents_and_identities,
        ),
    ],
    backend: Backend = None,
    as_json: AsJson = False,
) -> int:
    """Show what an agent's bottle comes to.

    Environment, routes, walls, image and git identity, each with its source; never a secret value. Of a bottle that
    runs or has ended: what is known and kept.
    """
    from bottle.app.prepare import Wanted, prepare
    from bottle.cli.documents import of_info
    from bottle.cli.render import information, print_json, print_line, warn
    from bottle.cli.wiring import wire

    world = wire()
    if agent not in world.manifests.agent_names() and agent in world.state.identities():
        return _tell_bottle(world, agent, as_json=as_json)
    plan = prepare(world, Wanted(agent, backend)).plan
    for warning in world.manifests.warnings():
        warn(warning)
    if as_json:
        print_json(of_info(plan))
    else:
        print_line(information(plan))
    return 0


def _tell_bottle(world: "World", identity: str, *, as_json: bool) -> int:
    from bottle.app.inventory import metadata_of, row_of
    from bottle.app.resume import kept_of
    from bottle.cli.documents import of_bottle
    from bottle.cli.render import print_json, print_line, talk
    from bottle.cli.rows import bottle_lines, remarks

    metadata, row = metadata_of(world, identity), row_of(world, identity)
    kept = kept_of(world, metadata)
    if as_json:
        print_json(of_bottle(metadata, row, kept))
    else:
        print_line(bottle_lines(metadata, row, kept))
        for remark in remarks([row]):
            talk(remark)
    return 0

"""bottle logs: the audit trail of a bottle, and its sidecar's own log."""

from typing import Annotated

import typer

from bottle.cli.options import AsJson, Identity


def logs(
    identity: Identity,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until interrupted or the bottle is gone.")
    ] = False,
    sidecar: Annotated[bool, typer.Option("--sidecar", help="The sidecar's own log instead of the trail.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show a bottle's audit trail.

    What it asked for and what it was answered; also after it ended.
    """
    from bottle.app.inventory import known, sidecar_log
    from bottle.cli.columns import set_in
    from bottle.cli.render import print_line, print_log
    from bottle.cli.streams import terminal_width
    from bottle.cli.trail import readable
    from bottle.cli.wiring import wire

    world = wire()
    known(world, identity)
    if sidecar:
        print_log(sidecar_log(world, identity))
        return 0
    lines = world.state.audit_lines(identity, follow=follow)
    for line in lines if as_json else readable(lines):
        print_line(line if as_json else "\n".join(set_in(line, terminal_width())), flush=follow)
    return 0

"""bottle exec: any command in a running bottle, as the agent's user with the agent's environment."""

from typing import Annotated

import typer

from bottle.cli.options import Running


def execute(
    identity: Running,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="The command.", show_default=False)],
) -> int:
    """Run a command in a bottle.

    Standard input, signals and the exit status pass through."""
    from bottle.app.visiting import visit
    from bottle.cli.wiring import wire

    return visit(wire(), identity, command)

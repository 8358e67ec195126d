"""bottle stop: tear bottles down."""

from typing import Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import AsJson


def stop(
    identities: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IDENTITY...",
            help="Bottles, as `bottle list` names them.",
            show_default=False,
            autocompletion=completing.running,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that run.")] = False,
    as_json: AsJson = False,
) -> int:
    """Tear bottles down.

    Their audit trails are kept until `bottle cleanup`.
    """
    from bottle.app import inventory
    from bottle.cli.render import print_json, print_line
    from bottle.cli.wiring import wire
    from bottle.domain.errors import UsageError

    world = wire()
    if bool(identities) == everything:
        raise UsageError("name the bottles to stop, or say --all", hint="`bottle list` shows what runs")
    stopped = inventory.stop_all(world, identities or inventory.running_identities(world))
    if as_json:
        print_json({"stopped": list(stopped)})
    else:
        for identity in stopped:
            print_line(f"stopped {identity}")
    return 0

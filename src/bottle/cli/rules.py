"""bottle rules: what is looked for in all that leaves a bottle."""

from typing import Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import AsJson


def rules(
    agent: Annotated[
        str | None,
        typer.Argument(
            metavar="AGENT",
            help="An agent: its bottle's own rules and silences too.",
            show_default=False,
            autocompletion=completing.agents,
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """List the rules by which secrets are found.

    Their names are what `egress.dlp.silence` takes, and what a refusal tells behind `dlp.`.
    """
    from bottle.app.rules import listed
    from bottle.cli.documents import of_rule
    from bottle.cli.render import print_json, print_line, rule_table
    from bottle.cli.wiring import wire

    found = listed(wire(), agent)
    if as_json:
        print_json([of_rule(each) for each in found])
    else:
        print_line(rule_table(found))
    return 0

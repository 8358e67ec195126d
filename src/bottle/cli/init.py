"""bottle init: a first bottle and agent."""

from typing import Annotated

import typer

from bottle.cli.options import AsJson


def init(
    agent: Annotated[str, typer.Argument(help="What to call the agent.")] = "coder",
    as_json: AsJson = False,
) -> int:
    """Write a first bottle and agent.

    For Claude Code, into ~/.bot-bottle. What is there already is kept.
    """
    from bottle.cli.render import print_json, print_line, talk
    from bottle.cli.wiring import wire_starter

    written = wire_starter().write(agent)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return 0
    for path in written:
        print_line(f"wrote {path}")
    talk(
        f"next: export BOT_BOTTLE_CLAUDE_OAUTH_TOKEN (`claude setup-token` prints it), then `bottle start {agent}`"
        if written
        else f"both files are there already; `bottle info {agent}` shows what they come to"
    )
    return 0

"""bottle init: first bottles and agents."""

from typing import Annotated

import typer

from bottle.cli.options import AsJson


def init(
    agent: Annotated[str, typer.Argument(metavar="NAME", help="What to call the agent.")] = "coder",
    program: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="PROGRAM", help="claude or codex; else those found on this host.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write a first bottle and agent.

    For each agent program that is used on this host, into ~/.bot-bottle. What is there already is kept.
    """
    from bottle.cli.render import print_json, print_line, talk
    from bottle.cli.wiring import next_steps, wire_starter

    starter = wire_starter()
    programs = program or starter.found()
    written = starter.write(agent, programs)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return 0
    for path in written:
        print_line(f"wrote {path}")
    if written:
        talk(f"next: {'; '.join(next_steps(programs))}; then `bottle start {agent}`")
    else:
        talk(f"everything is there already; `bottle info {agent}` shows what it comes to")
    return 0

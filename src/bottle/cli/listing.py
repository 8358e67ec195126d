"""bottle list: the bottles that run, and with --all those that left something."""

from typing import Annotated

import typer

from bottle.cli.options import AsJson


def list_bottles(
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also bottles that ended and left state.")] = False,
    as_json: AsJson = False,
) -> int:
    """List running bottles.

    A terminal that is too narrow for all columns gets those that matter most; a pipe and --json get everything.
    """
    from bottle.app.inventory import rows
    from bottle.cli.documents import of_row
    from bottle.cli.render import print_json, print_line, talk
    from bottle.cli.rows import remarks, row_table
    from bottle.cli.streams import shows_color, terminal_width
    from bottle.cli.wiring import wire

    world = wire()
    found = rows(world, everything=everything)
    if as_json:
        print_json([of_row(row) for row in found])
    elif found:
        now, width = world.clock.now(), terminal_width()
        print_line(row_table(found, now, kept=everything, width=width, colored=shows_color()))
        for remark in remarks(found):
            talk(remark)
    else:
        talk("no bottle runs" if not everything else "no bottle runs, and none left anything")
    return 0

"""bottle cleanup: what is left over of bottles that ended or were killed."""

from typing import Annotated

import typer

from bottle.cli import completing
from bottle.cli.options import AsJson, Yes


def cleanup(
    identity: Annotated[
        str | None,
        typer.Argument(
            metavar="IDENTITY", help="One bottle alone.", show_default=False, autocompletion=completing.identities
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(help="Of all, those alone that ended so long ago: 12h, 7d.", metavar="TIME", show_default=False),
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Also images that no manifest uses any more.")] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go and touch nothing.")] = False,
    as_json: AsJson = False,
) -> int:
    """Remove what bottles left behind.

    Containers, networks and kept state; never anything of a running bottle, never anything that bottle did not make.
    """
    from bottle.app.inventory import clean_up, plan_cleanup
    from bottle.app.unused_images import discard_images, unused_images
    from bottle.cli.documents import of_leftover
    from bottle.cli.render import leftover_table, print_json, print_line, talk
    from bottle.cli.wiring import wire
    from bottle.domain.errors import DeclinedError

    age = _age(identity, older_than)
    world = wire()
    plan, unused = plan_cleanup(world, identity, older_than=age), unused_images(world) if images else ()
    everything = (*plan.leftovers, *unused)
    if everything and not as_json:
        (print_line if dry_run else talk)(leftover_table(everything))
    if everything and not (dry_run or yes) and not world.operator.confirm("remove all of this?"):
        raise DeclinedError("declined; nothing was removed")
    gone = [] if dry_run else [*clean_up(world, plan), *discard_images(world, unused)]
    if as_json:
        print_json({"plan": [of_leftover(item) for item in everything], "removed": gone})
    elif not dry_run:
        talk(f"removed what was left of {', '.join(gone)}" if gone else "nothing was left over")
    return 0


def _age(identity: str | None, older_than: str | None) -> float:
    """In seconds; 0 where nobody asked. Raises UsageError."""
    from bottle.domain.duration import seconds_of
    from bottle.domain.errors import UsageError

    if older_than is None:
        return 0
    if identity is not None:
        raise UsageError("--older-than chooses among all bottles", hint="leave out the identity")
    try:
        return seconds_of(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None

"""bottle export: the agent's work as branches of a repository, or as a patch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bottle.cli.options import AsJson, Identity, Yes

if TYPE_CHECKING:
    from bottle.app.export_ports import Work
    from bottle.app.ports import World


def export(
    identity: Identity,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FOLDER", help="The repository; this directory's by default.", show_default=False
        ),
    ] = None,
    patch: Annotated[
        Path | None,
        typer.Option(
            "--patch", metavar="FILE", help="Write the workspace's changes as a patch instead.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what changed and touch nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Bring home what an agent made.

    What it pushed to a `local` remote, and what became of a workspace that was kept, as branches
    `bottle/IDENTITY/...`; nothing is checked out or merged, and nothing of it runs. A workspace is shown first,
    with what wants a look before anything else.
    """
    from bottle.app.export import has_results, take_results, work_of
    from bottle.cli.render import print_json, print_line
    from bottle.cli.wiring import wire, wire_results, wire_workshop

    world = wire()
    repository = into or Path.cwd()
    answer: dict[str, object] = {"identity": identity, "repository": str(repository), "branches": []}
    with work_of(world, wire_workshop(), identity, repository) as work:
        branches: list[str] = []
        if work is not None:
            answer |= _shown(work, quiet=as_json)
            branches += [] if dry_run else _brought(world, work, identity, patch, yes=yes)
        if (work is None or has_results(world, wire_results(), identity)) and not dry_run and patch is None:
            branches += take_results(world, wire_results(), identity, repository)
    answer |= {"branches": branches, "patch": str(patch) if patch and not dry_run else None}
    if as_json:
        print_json(answer)
    else:
        for line in (*branches, *([str(patch)] if answer["patch"] else [])):
            print_line(line)
    return 0


def _shown(work: "Work", *, quiet: bool) -> dict[str, object]:
    """Tells what changed; and the same for scripts."""
    from bottle.cli.documents import of_change
    from bottle.cli.render import review, talk

    changes = work.changes
    if not quiet:
        talk(review(work.stat, changes, work.left_out))
    return {"changes": [of_change(change) for change in changes], "left_out": list(work.left_out)}


def _brought(world: "World", work: "Work", identity: str, patch: Path | None, *, yes: bool) -> Sequence[str]:
    """Does it, once the operator says yes. Raises DeclinedError; NotFoundError where nothing changed."""
    from bottle.app.export import branch_folder
    from bottle.domain.errors import DeclinedError, NotFoundError

    if not work.changes:
        raise NotFoundError(f"{identity} changed nothing in its workspace")
    name = f"{branch_folder(identity)}/work"
    if not yes and not world.operator.confirm(f"bring it home as {patch or name}?"):
        raise DeclinedError("declined; nothing was changed")
    if patch is not None:
        work.write_patch(patch)
        return []
    work.make_branch(name)
    return [name]

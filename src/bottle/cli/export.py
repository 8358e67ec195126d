"""bottle export: the agent's work as branches of a repository."""

from pathlib import Path
from typing import Annotated

import typer

from bottle.cli.options import AsJson, Identity


def export(
    identity: Identity,
    into: Annotated[
        Path | None, typer.Option("--into", help="The repository; this directory's by default.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Bring the work that an agent pushed to a `local` remote into a repository.

    As branches `bottle/IDENTITY/...`: nothing is checked out or merged, and no hook runs.
    """
    from bottle.app.export import export as bring
    from bottle.cli.render import print_json, print_line
    from bottle.cli.wiring import wire, wire_results

    repository = into or Path.cwd()
    branches = bring(wire(), wire_results(), identity, repository)
    if as_json:
        print_json({"identity": identity, "repository": str(repository), "branches": list(branches)})
    else:
        for branch in branches:
            print_line(branch)
    return 0

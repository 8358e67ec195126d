"""Bringing a bottle's work back into a repository of this host."""

from collections.abc import Sequence
from pathlib import Path

from bottle.app.inventory import known
from bottle.app.ports import Results, World


def export(world: World, results: Results, identity: str, repository: Path) -> Sequence[str]:
    """The branches that are in the repository now, below `bottle/<identity>/`. Works after the bottle's end, too.

    Raises NotFoundError for an unknown bottle or one that left nothing, and what `Results.take` raises.
    """
    known(world, identity)
    return results.take(world.state.audit_directory(identity), repository, f"bottle/{identity}")

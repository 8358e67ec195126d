"""Bringing a bottle's work back into a repository of this host."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from bottle.app.ending import roots_of, take_out
from bottle.app.export_ports import Kept, Results, Work, Workshop
from bottle.app.inventory import find, metadata_of
from bottle.app.ports import World
from bottle.domain.errors import BottleError, NotFoundError
from bottle.domain.state import Metadata


def branch_folder(identity: str) -> str:
    """Below which all branches of a bottle's work stand."""
    return f"bottle/{identity}"


def has_results(world: World, results: Results, identity: str) -> bool:
    """Whether the agent pushed to a remote whose results stay here. Raises NotFoundError for an unknown bottle."""
    metadata_of(world, identity)
    return results.holds(world.state.audit_directory(identity))


def take_results(world: World, results: Results, identity: str, repository: Path) -> Sequence[str]:
    """The branches that are in the repository now. Raises what `Results.take` raises."""
    return results.take(world.state.audit_directory(identity), repository, branch_folder(identity))


@contextmanager
def work_of(world: World, workshop: Workshop, identity: str, repository: Path) -> Iterator[Work | None]:
    """What became of the bottle's workspace, taken out anew where it runs; None where it is not kept.

    Raises NotFoundError for an unknown bottle or one that kept nothing, ConflictError, and what `Workshop.comparing`
    raises.
    """
    metadata = metadata_of(world, identity)
    if not metadata.keep_workspace:
        yield None
        return
    with workshop.comparing(_kept(world, metadata), repository) as work:
        yield work


def _kept(world: World, metadata: Metadata) -> Kept:
    roots = roots_of(metadata)["workspace"]
    if not metadata.ended_at:
        metadata = _taken_out_now(world, metadata, roots)
    base = world.snapshots.find(metadata.identity, "base", roots)
    work = world.snapshots.find(metadata.identity, "workspace", roots)
    if base is None or work is None:
        raise NotFoundError(f"nothing of {metadata.identity}'s workspace was kept", hint="its box went before its end")
    return Kept(metadata, base, work)


def _taken_out_now(world: World, metadata: Metadata, roots: Sequence[str]) -> Metadata:
    """Of a bottle that runs; of one that is ended meanwhile, whoever ends it has kept what it had."""
    try:
        take_out(world, find(world, metadata.identity), "workspace", roots)
    except BottleError:
        with world.state.ending(metadata.identity, wait=True):
            ended = metadata_of(world, metadata.identity)
        if not ended.ended_at:
            raise
        return ended
    return evolve(metadata, ended_at=world.clock.now().isoformat())

"""The same bottle again: its identity, its agent's sessions, and the workspace where that was kept."""

from collections.abc import Sequence

from bottle.app.ending import end_bottle, roots_of
from bottle.app.inventory import metadata_of, standing
from bottle.app.ports import World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.domain.errors import BackendError, ConflictError, UsageError
from bottle.domain.provider import NEWEST
from bottle.domain.state import Metadata
from bottle.domain.taken_out import KeptArchive


def prepare_resumed(
    world: World, identity: str, *, arguments: tuple[str, ...] = (), remote_control: bool = False
) -> Prepared:
    """The plan of a bottle that goes on with the session of its last task, else with the one that was used last, by its
    manifest as it is now.

    A bottle that was lost is ended first, and what it holds is kept. Raises NotFoundError, ConflictError for one that
    runs or whose state is damaged, BackendError, and what `prepare` raises.
    """
    metadata = _ended(world, identity)
    kept = kept_of(world, metadata)
    # By its id where that is known: agents count what they did without a terminal among no person's sessions.
    session = (metadata.session_id or NEWEST) if any(archive.part == "transcript" for archive in kept) else None
    wanted = _wanted(metadata, kept, session, arguments, remote_control=remote_control)
    return prepare(world, wanted, metadata)


def prepare_as_it_runs(world: World, metadata: Metadata) -> Prepared:
    """The plan of a bottle that runs and that nobody tends, by its manifest as it is now. Raises what `prepare`
    raises."""
    return prepare(world, _wanted(metadata, (), None, ()), metadata)


def prepare_next_task(world: World, identity: str, agent: str, *, arguments: tuple[str, ...] = ()) -> Prepared:
    """The plan of a run that goes on with the bottle's session. Raises as `prepare_resumed`, UsageError when the bottle
    is another agent's, ConflictError where no session was kept."""
    metadata = _ended(world, identity)
    if metadata.agent_name != agent:
        raise UsageError(f"{identity} is {metadata.agent_name}'s, not {agent}'s")
    kept = kept_of(world, metadata)
    if not any(archive.part == "transcript" for archive in kept):
        raise ConflictError(f"nothing was kept of {identity}'s session", hint="run the task without --resume")
    return prepare(world, _wanted(metadata, kept, metadata.session_id, arguments, headless=True), metadata)


def kept_of(world: World, metadata: Metadata) -> Sequence[KeptArchive]:
    """What was kept of the bottle."""
    found = [world.snapshots.find(metadata.identity, part, roots) for part, roots in roots_of(metadata).items()]
    return [archive for archive in found if archive is not None]


def _wanted(
    metadata: Metadata,
    kept: Sequence[KeptArchive],
    session: str | None,
    arguments: tuple[str, ...],
    *,
    headless: bool = False,
    remote_control: bool = False,
) -> Wanted:
    return Wanted(
        agent=metadata.agent_name,
        backend=metadata.backend,
        label=metadata.label,
        color=metadata.color,
        cwd=metadata.cwd,
        copy_cwd=metadata.copy_cwd,
        include=metadata.include,
        remote_control=remote_control,
        arguments=arguments,
        headless=headless,
        session=session,
        keep_workspace=metadata.keep_workspace,
        archives=tuple(kept),
        additions=metadata.additions,
    )


def _ended(world: World, identity: str) -> Metadata:
    metadata = metadata_of(world, identity)
    status = standing(world, metadata)
    if status in ("running", "starting"):
        raise ConflictError(f"{identity} is running", hint=f"`bottle attach {identity}`, or `bottle stop {identity}`")
    backend = world.backends[metadata.backend]
    if status == "unknown":
        survey = backend.survey()
        raise BackendError(f"{metadata.backend}: {survey.reason}", hint=survey.hint)
    if status == "lost":
        with world.state.hold(identity), world.state.ending(identity), world.interruptions.shielded():
            end_bottle(world, backend, identity, None)
    return world.state.read(identity)

"""What runs, what is kept, what is left over: list, find, stop and clean up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bottle.app.deploy_keys import withdraw_deploy_keys
from bottle.app.ending import end_bottle
from bottle.domain.errors import BackendError, BottleError, ConflictError, NotFoundError
from bottle.domain.names import did_you_mean
from bottle.domain.state import BottleRow, Leftover

if TYPE_CHECKING:
    from bottle.app.ports import Backend, Bottle, Running, World
    from bottle.domain.backends import BackendName
    from bottle.domain.deploy_keys import DeployKey
    from bottle.domain.state import Metadata, Status


@frozen
class CleanupPlan:
    """What a clean-up would remove: things in backends, and kept state. Running bottles are never in it."""

    leftovers: tuple[Leftover, ...] = ()

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(leftover.identity for leftover in self.leftovers))


def rows(world: World, *, everything: bool = False) -> Sequence[BottleRow]:
    """The running bottles, newest last, and those of which nobody can say whether they run; with `everything` also
    those that ended or were lost and left state."""
    kept = {identity: _metadata(world, identity) for identity in world.state.identities()}
    held = _running(world, {metadata.backend for metadata in kept.values() if metadata and not metadata.ended_at})
    known = [_row(world, identity, metadata, held.get(identity)) for identity, metadata in kept.items()]
    if everything:
        known = [evolve(row, size=world.state.size(row.identity)) for row in known]
    shown = [row for row in known if everything or row.status in ("starting", "running", "unknown")]
    return sorted(shown, key=lambda row: row.started_at)


def find(world: World, identity: str) -> Bottle:
    """A running bottle. Raises NotFoundError with the nearest running identity as hint."""
    metadata = metadata_of(world, identity)
    try:
        return world.backends[metadata.backend].open(identity)
    except NotFoundError:
        raise NotFoundError(f"{identity} is not running", hint="`bottle list` shows what runs") from None


def standing(world: World, metadata: Metadata) -> Status:
    """Whether the bottle runs, ended, or was lost."""
    return _status(world, metadata, _running(world, {metadata.backend}).get(metadata.identity))


def known(world: World, identity: str) -> None:
    """Raises NotFoundError unless the identity runs or left state behind."""
    metadata_of(world, identity)


def running_identities(world: World) -> Sequence[str]:
    """The bottles that `stop --all` ends: also those of a backend that is away, of which none may be passed over."""
    return [row.identity for row in rows(world) if row.status in ("running", "unknown")]


def stop(world: World, identity: str) -> None:
    """Tears a bottle down, whoever started it. Raises NotFoundError when nothing of it runs, ConflictError while
    somebody else ends it."""
    metadata = metadata_of(world, identity)
    backend = world.backends[metadata.backend]
    with world.state.ending(identity), world.interruptions.shielded():
        if identity not in {running.identity for running in backend.running()}:
            raise NotFoundError(f"{identity} is not running", hint="`bottle list` shows what runs")
        end_bottle(world, backend, identity, None)


def stop_all(world: World, identities: Sequence[str]) -> Sequence[str]:
    """Stops each; tries all of them, then raises the first error. Returns those that were stopped."""
    failures: list[BottleError] = []
    stopped: list[str] = []
    for identity in dict.fromkeys(identities):
        try:
            stop(world, identity)
            stopped.append(identity)
        except BottleError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return stopped


def agent_argv(world: World, identity: str) -> Sequence[str]:
    """The agent program that the bottle was started with."""
    return metadata_of(world, identity).argv


def sidecar_log(world: World, identity: str) -> bytes:
    """What the sidecar said: so far, or until the end."""
    try:
        return find(world, identity).sidecar_log()
    except NotFoundError:
        return world.state.log(identity)


def plan_cleanup(world: World, identity: str | None = None, *, older_than: float = 0) -> CleanupPlan:
    """What is left over, of one identity or of all; of all, those alone that ended so many seconds ago, or began then
    and were lost. What has no state has no age, and is left over whenever it is found.

    Raises ConflictError for a bottle that runs, NotFoundError for one that nobody knows.
    """
    live = _live(world) | (_younger(world, older_than) if older_than else set())
    found = [item for backend in world.backends.values() for item in _leftovers_of(backend)]
    for kept in world.state.identities():
        found += [Leftover(kept, "deploy key", f"{key.title} at {key.url}") for key in _keys_of(world, kept)]
        found.append(Leftover(kept, "state", kept))
    if identity is None:
        return CleanupPlan(tuple(item for item in found if item.identity not in live))
    if identity in _live(world):
        raise ConflictError(f"{identity} is running", hint=f"`bottle stop {identity}` first")
    mine = tuple(item for item in found if item.identity == identity)
    if not mine:
        raise NotFoundError(f"nothing is left of {identity}", hint=did_you_mean(identity, {i.identity for i in found}))
    return CleanupPlan(mine)


def clean_up(world: World, plan: CleanupPlan) -> Sequence[str]:
    """Carries the plan out and returns the identities that are gone; a bottle that runs by now is passed over.

    Tries everything; raises the first BottleError at the end.
    """
    failures: list[BottleError] = []
    gone: list[str] = []
    for identity in plan.identities:
        try:
            if _remove(world, identity):
                gone.append(identity)
        except BottleError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return gone


def _keys_of(world: World, identity: str) -> Sequence[DeployKey]:
    """What forges have of the bottle; a record that is damaged is told of when it is to be removed."""
    try:
        return world.deploy_keys.registered(identity)
    except ConflictError:
        return ()


def _live(world: World) -> set[str]:
    return {row.identity for row in rows(world) if row.status in ("starting", "running")}


def _younger(world: World, seconds: float) -> set[str]:
    """The identities that are not yet so old, or whose age nobody can tell."""
    limit = world.clock.now() - timedelta(seconds=seconds)
    return {identity for identity in world.state.identities() if not _is_from_before(world, identity, limit)}


def _is_from_before(world: World, identity: str, limit: datetime) -> bool:
    try:
        metadata = world.state.read(identity)
        return datetime.fromisoformat(metadata.ended_at or metadata.started_at) < limit
    except (BottleError, ValueError, TypeError):
        return False


def _remove(world: World, identity: str) -> bool:
    """Whether the identity is gone now; not where somebody tends it or it runs after all."""
    if identity not in world.state.identities():
        _destroy(world, identity)
        return True
    try:
        # Held, so that neither a launcher that has only just claimed it nor a second clean-up works on it meanwhile.
        with world.state.hold(identity), world.state.ending(identity):
            if _left_running(world, identity):
                return False
            _destroy(world, identity)
            withdraw_deploy_keys(world, identity)
            world.state.release(identity)
    except ConflictError as error:
        world.progress.step(f"{identity} is passed over: {error}")
        return False
    return True


def _left_running(world: World, identity: str) -> bool:
    metadata = _metadata(world, identity)
    if metadata is None:  # nobody can say that it was meant to go on
        return False
    running = _running(world, {metadata.backend}).get(identity)
    if running is None and not metadata.ended_at:
        _require_answer(world.backends[metadata.backend], identity)
    return running is not None and running.alive and metadata.detached and not metadata.ended_at


def _require_answer(backend: Backend, identity: str) -> None:
    """Raises BackendError when the backend is away: what it holds of the bottle would be forgotten with the state."""
    survey = backend.survey()
    if not survey.usable:
        raise BackendError(f"{identity} may still hold things in {backend.name}: {survey.reason}", hint=survey.hint)


def _destroy(world: World, identity: str) -> None:
    for backend in world.backends.values():
        if any(item.identity == identity for item in _leftovers_of(backend)):
            backend.destroy(identity)


def _leftovers_of(backend: Backend) -> Sequence[Leftover]:
    """What the backend holds of ours; nothing when it does not answer, for then nothing can be removed either."""
    return backend.leftovers() if backend.survey().usable else ()


def _running(world: World, names: Collection[BackendName]) -> dict[str, Running]:
    """What runs in these backends. Those that no bottle names are not asked: a person waits for each."""
    usable = (world.backends[name] for name in world.backends if name in names and world.backends[name].survey().usable)
    return {running.identity: running for backend in usable for running in backend.running()}


def row_of(world: World, identity: str) -> BottleRow:
    """One bottle, with what its state takes. Raises NotFoundError."""
    row = _row(world, identity, _metadata(world, identity), _running(world, world.backends).get(identity))
    return evolve(row, size=world.state.size(identity))


def _metadata(world: World, identity: str) -> Metadata | None:
    """None where it is damaged."""
    try:
        return world.state.read(identity)
    except ConflictError:
        return None


def _row(world: World, identity: str, metadata: Metadata | None, running: Running | None) -> BottleRow:
    if metadata is None:
        return BottleRow(identity, "?", "?", "docker", "", "", "", "lost")
    return BottleRow(
        identity=identity,
        agent=metadata.agent_name,
        bottle=metadata.bottle,
        backend=metadata.backend,
        label=metadata.label,
        color=metadata.color,
        started_at=metadata.started_at,
        status=_status(world, metadata, running),
        services=running.services if running else (),
        pending=_pending(world, identity),
        ended_at=metadata.ended_at,
    )


def _pending(world: World, identity: str) -> int:
    """How many proposals wait; none where they cannot be read, which is told by whoever looks at them."""
    now = world.clock.now().timestamp()
    try:
        return sum(asked.state(now) == "pending" for asked in world.supervise.asked(identity))
    except BottleError:
        return 0


def _status(world: World, metadata: Metadata, running: Running | None) -> Status:
    tended = world.state.held(metadata.identity)
    if metadata.ended_at:
        return "ended"
    if running is not None and running.alive and (tended or metadata.detached):
        return "running"
    if tended:
        return "starting"
    return "lost" if world.backends[metadata.backend].survey().usable else "unknown"


def metadata_of(world: World, identity: str) -> Metadata:
    """Raises NotFoundError with the nearest identity as hint, ConflictError for a damaged state."""
    try:
        return world.state.read(identity)
    except NotFoundError:
        hint = did_you_mean(identity, world.state.identities())
        raise NotFoundError(
            f"no bottle is called '{identity}'", hint=hint or "`bottle list --all` names them"
        ) from None

"""A bottle's end: what is taken out of it first, and what is written down. It may be repeated, by anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from bottle.app.deploy_keys import withdraw_deploy_keys
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.provision import GUEST_HOME
from bottle.domain.state import Event
from bottle.domain.taken_out import WORKSPACE, below_home

if TYPE_CHECKING:
    from bottle.app.ports import Backend, Bottle, World
    from bottle.domain.state import Metadata
    from bottle.domain.taken_out import Part

_SECONDS: dict[Part, float] = {"transcript": 60.0, "workspace": 600.0}
_STDOUT = 1
_PACK = """\
cd "$0" && for name; do
    if [ -e "$name" ] || [ -h "$name" ]; then printf '%s\\n' "$name"; fi
done | tar -cf - -T -
"""
"""Packs what is there of the names. What it prints is read as an agent's work, so it need not be trusted."""
_NO_ROOM = "its image needs a `tar`; where it runs all the processes that it may, `bottle stop` ends them first"
_CANNOT_RUN = 126
"""The shell's statuses from here on: there is no tar, or it was killed. Lower ones mean that some files changed or went
while they were read."""


def end_bottle(world: World, backend: Backend, identity: str, status: int | None, session_id: str = "") -> None:
    """Takes out what is kept, removes the bottle, writes down how it ended; `session_id` where there is a new one. Its
    caller has marked the bottle as being ended (`StateStore.ending`).

    Raises BackendError when something would not go, SecretMissingError or ProvisionError when a forge keeps the
    bottle's key; then the state still counts it as running, for `cleanup` to find.
    """
    metadata = world.state.read(identity)
    if not metadata.ended_at:
        _keep_parts(world, backend, metadata)
    backend.destroy(identity)
    withdraw_deploy_keys(world, identity)
    world.supervise.close(identity)
    known = evolve(metadata, session_id=session_id or metadata.session_id)
    if metadata.ended_at:  # by somebody else, who could not know the session
        if known != metadata:
            world.state.update(known)
        return
    now = world.clock.now()
    world.state.update(evolve(known, ended_at=now.isoformat(), exit_status=status))
    reason = "torn down" if status is None else f"the agent ended with status {status}"
    world.state.record(Event(now, identity, "ended", reason, status=status))


def roots_of(metadata: Metadata) -> dict[Part, tuple[str, ...]]:
    """What is kept of the bottle, by part: paths relative to the agent's home."""
    roots: dict[Part, tuple[str, ...]] = {}
    if metadata.transcript:
        roots["transcript"] = tuple(map(below_home, metadata.transcript))
    if metadata.keep_workspace:
        roots["workspace"] = (WORKSPACE,)
    return roots


def take_out(world: World, bottle: Bottle, part: Part, roots: Sequence[str]) -> None:
    """Keeps a part of a running bottle. Raises BottleError; an earlier one is then still there."""
    argv = ["sh", "-c", _PACK, GUEST_HOME, *roots]

    def pour(take: Callable[[bytes], None]) -> None:
        has_begun = False

        def hear(stream: int, piece: bytes) -> None:
            nonlocal has_begun
            if stream == _STDOUT:
                has_begun = True
                take(piece)

        done = bottle.run(argv, timeout=_SECONDS[part], heard=hear)
        if done.status >= _CANNOT_RUN or (done.status and not has_begun):
            raise BackendError("the box cannot pack it", hint=_NO_ROOM)

    world.snapshots.keep(bottle.identity, part, roots, pour)


def _keep_parts(world: World, backend: Backend, metadata: Metadata) -> None:
    """The log and the snapshot are taken where they can be had: a box that is gone has neither, and must still go."""
    try:
        bottle = backend.open(metadata.identity)
    except BottleError as error:
        if roots_of(metadata):
            world.progress.step(f"what it held cannot be kept: {error}")
        return
    try:
        world.state.keep_log(metadata.identity, "sidecar.log", bottle.sidecar_log())
    except BottleError as error:
        world.progress.step(f"the sidecar's log could not be kept: {error}")
    roots_by_part = roots_of(metadata)
    if roots_by_part:
        _end_agent(world, bottle)
    for part, roots in roots_by_part.items():
        try:
            take_out(world, bottle, part, roots)
        except BottleError as error:
            world.progress.step(f"the {part} could not be kept: {error}")


def _end_agent(world: World, bottle: Bottle) -> None:
    """What is read then does not change meanwhile, and has been written to its end. A box that was full has room for
    who packs it."""
    try:
        bottle.end_agent()
    except BottleError as error:
        world.progress.step(f"what runs in the box could not be ended first: {error}")

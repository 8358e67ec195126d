"""A command in a bottle that runs, for whoever comes from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottle.app.inventory import find
from bottle.domain.errors import BackendError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottle.app.ports import World

_BY_A_SIGNAL = 128
"""Statuses from here on are those of a command that was ended, as shells report it."""


def visit(world: World, identity: str, argv: Sequence[str]) -> int:
    """Runs it with this process's standard streams, and returns its status. Raises NotFoundError, BackendError: also
    where it was ended because the bottle was."""
    status = find(world, identity).attach(argv)
    if status >= _BY_A_SIGNAL and _is_ended(world, identity):
        raise BackendError("the box went away", hint="`bottle list --all` says how the bottle ended")
    return status


def _is_ended(world: World, identity: str) -> bool:
    """Whoever ends it now is waited for."""
    try:
        with world.state.ending(identity, wait=True):
            return bool(world.state.read(identity).ended_at)
    except NotFoundError:
        return True

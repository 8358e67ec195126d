"""Ending all that runs in a box, which may be as many processes as it is allowed.

The first process does it (containers.py), for an engine can only add one more; whether it is done shows by what can be
added.
"""

import time

from bottle.adapters.docker import commands, containers
from bottle.adapters.docker.engine import Engine
from bottle.domain.errors import BackendError

_GRACE_SECONDS = 2.0
_ROOM_SECONDS = 15.0
_GLANCE = 0.05
_TWO_PROCESSES = ("sh", "-c", "true | true")


def empty(engine: Engine, box: str) -> None:
    """Returns once the box has room for what is to be run next. Raises BackendError."""
    if _serves_somebody(engine, box):
        engine.signal(box, containers.TELL)
        deadline = time.monotonic() + _GRACE_SECONDS
        while _serves_somebody(engine, box) and time.monotonic() < deadline:
            time.sleep(_GLANCE)
    engine.signal(box, containers.KILL)
    deadline = time.monotonic() + _ROOM_SECONDS
    while not _has_room(engine, box):
        if time.monotonic() > deadline:
            raise BackendError("what runs in the box does not end")
        time.sleep(_GLANCE)


def _serves_somebody(engine: Engine, box: str) -> bool:
    """Whether a command runs that was asked for from outside: an agent is one."""
    return bool(engine.inspect(box).get("ExecIDs"))


def _has_room(engine: Engine, box: str) -> bool:
    """Raises BackendError when the box is gone."""
    try:
        return not commands.run(engine, box, _TWO_PROCESSES, commands.AGENT, b"", _ROOM_SECONDS).status
    except BackendError:
        if not engine.running(box):
            raise
        return False

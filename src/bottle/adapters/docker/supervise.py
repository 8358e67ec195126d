"""The server that a stuck agent asks, in the sidecar's container: a process under a user of its own."""

from typing import Any

from bottle.adapters import supervise
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.service import Service
from bottle.app.ports import Rooms
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.supervise import SERVICE

NUMBER = 10003
"""The server's user and group in the sidecar's image (images/sidecar)."""
_SERVICE = Service("the server for questions", "sidecars.supervise", NUMBER)


def mounts(rooms: Rooms | None) -> list[dict[str, Any]]:
    """What the sidecar's container needs for it."""
    if rooms is None:
        return []
    return [
        {"Type": "bind", "Source": str(rooms.asked), "Target": supervise.ASKED},
        {"Type": "bind", "Source": str(rooms.told), "Target": supervise.TOLD, "ReadOnly": True},
    ]


def start(engine: Engine, container: str, plan: BottlePlan, address: str) -> None:
    """Starts it in the running sidecar, at an address of that; returns when it serves. It ends with the container.

    Raises BackendError.
    """
    document = supervise.document(plan, Listen(address, SERVICE.port), tied=False)
    _SERVICE.start(engine, container, document)

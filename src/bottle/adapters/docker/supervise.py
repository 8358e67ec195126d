"""The server that a stuck agent asks, in the sidecar's container: a process under a user of its own."""

import json
import time
from typing import Any

from bottle.adapters import supervise
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.networks import Subnets
from bottle.adapters.docker.streams import Channel, Frames
from bottle.adapters.sidecar import stands
from bottle.app.supervise_ports import Rooms
from bottle.domain.errors import BackendError
from bottle.domain.plan import BottlePlan
from bottle.domain.sidecar_config import Listen
from bottle.domain.supervise import SERVICE

NUMBER = 10003
"""The server's user and group in the sidecar's image (images/sidecar)."""
_COMMAND = ("/opt/bottle/venv/bin/python3", "-I", "-B", "-u", "-m", "sidecars.supervise")
_SECONDS = 30.0


def mounts(rooms: Rooms | None) -> list[dict[str, Any]]:
    """What the sidecar's container needs for it."""
    if rooms is None:
        return []
    return [
        {"Type": "bind", "Source": str(rooms.asked), "Target": supervise.ASKED},
        {"Type": "bind", "Source": str(rooms.told), "Target": supervise.TOLD, "ReadOnly": True},
    ]


def start(engine: Engine, container: str, plan: BottlePlan, subnets: Subnets) -> None:
    """Starts it in the running sidecar; returns when it serves. It ends with the container. Raises BackendError."""
    document = supervise.document(plan, Listen(subnets.internal.sidecar, SERVICE.port), tied=False)
    channel = engine.start_exec(engine.create_exec(container, _COMMAND, user=f"{NUMBER}:{NUMBER}"))
    try:
        channel.write(json.dumps(document).encode() + b"\n")
        _wait(channel)
    finally:
        channel.close()


def _wait(channel: Channel) -> None:
    deadline, frames, said = time.monotonic() + _SECONDS, Frames(), b""
    while channel.ready(deadline - time.monotonic()):
        data = channel.read()
        if not data:
            last = " ".join(said.decode(errors="replace").split())[-300:]
            raise BackendError(f"the server for questions ended: {last or 'without a word'}")
        said += b"".join(content for _, content in frames.feed(data))
        if any(stands(line, 0) for line in said.split(b"\n")[:-1]):
            return
    raise BackendError(f"the server for questions did not answer in {_SECONDS:.0f} seconds")

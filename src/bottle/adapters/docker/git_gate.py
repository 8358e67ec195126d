"""The git gate in the sidecar's container: a process under a user of its own, which alone can read the keys."""

import json
import time

from bottle.adapters import git_gate
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.networks import Subnets
from bottle.adapters.docker.streams import Channel, Frames
from bottle.adapters.sidecar import stands
from bottle.app.ports import Cargo
from bottle.domain.errors import BackendError
from bottle.domain.gitgate import GATE
from bottle.domain.gitgate_config import gate_document
from bottle.domain.plan import BottlePlan
from bottle.domain.sidecar_config import Listen

NUMBER = 10002
"""The gate's user and group in the sidecar's image (images/sidecar)."""

STATE = "/gate"
AUDIT = "/audit"
_GITLEAKS = "/opt/bottle/bin/gitleaks"
_COMMAND = ("/opt/bottle/venv/bin/python3", "-I", "-B", "-u", "-m", "sidecars.gitgate")
_SECONDS = 30.0


def start(engine: Engine, container: str, plan: BottlePlan, cargo: Cargo, subnets: Subnets) -> None:
    """Starts it in the running sidecar; returns when it serves. It ends with the container. Raises BackendError."""
    listen = Listen(subnets.internal.sidecar, GATE.port)
    document = git_gate.start(plan, cargo, listen, state=STATE, audit=AUDIT, gitleaks=_GITLEAKS, tied=False)
    channel = engine.start_exec(engine.create_exec(container, _COMMAND, user=f"{NUMBER}:{NUMBER}"))
    try:
        channel.write(json.dumps(gate_document(document)).encode() + b"\n")
        _wait(channel)
    finally:
        channel.close()


def _wait(channel: Channel) -> None:
    deadline, frames, said = time.monotonic() + _SECONDS, Frames(), b""
    while channel.ready(deadline - time.monotonic()):
        data = channel.read()
        if not data:
            last = " ".join(said.decode(errors="replace").split())[-300:]
            raise BackendError(f"the git gate ended: {last or 'without a word'}")
        said += b"".join(content for _, content in frames.feed(data))
        if any(stands(line, 0) for line in said.split(b"\n")[:-1]):
            return
    raise BackendError(f"the git gate did not answer in {_SECONDS:.0f} seconds")

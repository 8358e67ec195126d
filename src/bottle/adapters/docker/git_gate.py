"""The git gate in the sidecar's container: a process under a user of its own, which alone can read the keys."""

from bottle.adapters import git_gate
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.service import Service
from bottle.app.ports import Cargo
from bottle.domain.egress_config import PATTERNS
from bottle.domain.gitgate import GATE
from bottle.domain.gitgate_config import gate_document
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan

NUMBER = 10002
"""The gate's user and group in the sidecar's image (images/sidecar)."""

STATE = "/gate"
AUDIT = "/audit"
_GITLEAKS = "/opt/bottle/bin/gitleaks"
_SERVICE = Service("the git gate", "sidecars.gitgate", NUMBER)


def start(engine: Engine, container: str, plan: BottlePlan, cargo: Cargo, address: str) -> None:
    """Starts it in the running sidecar, at an address of that; returns when it serves. It ends with the container.

    Raises BackendError.
    """
    listen = Listen(address, GATE.port)
    document = git_gate.start(
        plan, cargo, listen, state=STATE, audit=AUDIT, gitleaks=_GITLEAKS, patterns=PATTERNS, tied=False
    )
    _SERVICE.start(engine, container, gate_document(document))

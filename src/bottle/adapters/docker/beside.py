"""Sidecars in a container for boxes that this engine did not make (virtual machines).

The container is reached at one port of this host's loopback (sidecars/passage): a Unix socket does not come out of the
virtual machine in which the engine of a Mac runs. Whoever has no key finds that port closed.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

from bottle.adapters.docker import containers, git_gate, inventory, networks, saving, sidecar, supervise
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.names import SIDECAR, Names, Owned
from bottle.adapters.docker.service import Service
from bottle.adapters.docker.sidecar import Control
from bottle.app.ports import Cargo, Stopping
from bottle.domain import passage
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.gitgate import GATE
from bottle.domain.passage import DoorStart
from bottle.domain.plan import BottlePlan
from bottle.domain.state import Leftover
from bottle.domain.supervise import SERVICE

_LOOPBACK: Final = "127.0.0.1"
_NEAR: Final = (_LOOPBACK, "localhost", "::1")
_DOOR_PORT: Final = 7000
_NUMBER: Final = 10004  # nobody's in the sidecar's image (images/sidecar): the door can read no other program's memory
_DOOR: Final = Service("the door of the sidecar's container", "sidecars.passage", _NUMBER)
_KEY_BYTES: Final = 32


@frozen
class Reached:
    """Where a container's door is: a port of this host's loopback, and the key that opens it to the ports behind."""

    port: int
    doors: tuple[int, ...]
    key: bytes = field(repr=False)


@frozen
class Beside:
    """Those of one owner, who has no box on this engine under the same name."""

    engine: Engine
    owner: str

    @classmethod
    def on(cls, engine: Engine, owner: str) -> "Beside":
        """Raises BackendError for an engine on another machine, whose loopback is not this host's."""
        endpoint = engine.client.base_url
        parts = urlsplit(endpoint)
        if parts.scheme != "http+docker" and parts.hostname not in _NEAR:
            raise BackendError(
                f"the engine at {endpoint} is on another machine: its containers cannot serve a machine of this one",
                hint="name an engine of this machine (`docker context use`), or install bubblewrap",
            )
        return cls(engine, owner)

    def start(self, plan: BottlePlan, cargo: Cargo, audit: Path, stopping: Stopping) -> Reached:
        """A sidecar that serves. Raises BackendError, ConflictError, and then all that it made is gone, or named in a
        note."""
        owned = Owned(self.owner, plan.identity, secrets.token_hex(8))
        try:
            return self._started(plan, cargo, audit, stopping, owned)
        except BaseException as error:
            try:
                inventory.remove(self.engine, owned)
            except BottleError as failure:
                error.add_note(f"and {failure}")
            raise

    def _started(self, plan: BottlePlan, cargo: Cargo, audit: Path, stopping: Stopping, owned: Owned) -> Reached:
        engine, names = self.engine, Names(plan.identity)
        subnet = networks.create_way_out(engine, names, owned)
        body = containers.sidecar_apart(plan, names, owned, subnet, audit, cargo.rooms, _DOOR_PORT)
        _check_stopped(stopping)
        container = engine.create_container(names.sidecar, body)
        control = Control(engine, container)
        try:
            engine.start(container)
            document = sidecar.document(plan, cargo, _LOOPBACK, answers_names=False)
            control.start(document, plan.policy.version)
        finally:
            control.close()
        _check_stopped(stopping)
        doors = [plan.proxy.port]
        if plan.remotes:
            git_gate.start(engine, container, plan, cargo, _LOOPBACK)
            doors.append(GATE.port)
        if cargo.rooms is not None:
            supervise.start(engine, container, plan, _LOOPBACK)
            doors.append(SERVICE.port)
        return self._opened(container, tuple(doors))

    def _opened(self, container: str, doors: tuple[int, ...]) -> Reached:
        key = secrets.token_bytes(_KEY_BYTES)
        _DOOR.start(self.engine, container, passage.start_document(DoorStart(_DOOR_PORT, doors, key)))
        published = self.engine.inspect(container)["NetworkSettings"]["Ports"].get(f"{_DOOR_PORT}/tcp")
        if not published:
            raise BackendError("the engine publishes no port of the sidecar's container")
        return Reached(int(published[0]["HostPort"]), doors, key)

    def reload(self, identity: str, policy: Policy, leaves: Mapping[str, str]) -> None:
        """Raises BackendError, and the old policy stays."""
        _, container = inventory.find(self.engine, Owned(self.owner, identity))
        if container is None or not container.running:
            raise BackendError("the sidecar is gone, and with it the way out", hint="end this bottle and start another")
        control = Control(self.engine, container.id)
        try:
            control.reload(policy, leaves)
        finally:
            control.close()

    def log(self, identity: str) -> bytes:
        """What the sidecars said; nothing where there are none."""
        _, container = inventory.find(self.engine, Owned(self.owner, identity))
        return self.engine.logs(container.id) if container is not None else b""

    def services(self) -> Mapping[str, Sequence[str]]:
        """What runs, by identity."""
        found = self.engine.containers(Owned(self.owner).filters())
        return {one.identity: one.services for one in found if one.running and one.role == SIDECAR}

    def leftovers(self) -> Sequence[Leftover]:
        """Of sidecars, and of images that were saved for their owner's machines."""
        return [*inventory.leftovers(self.engine, self.owner), *saving.leftovers(self.engine, self.owner)]

    def remove(self, identity: str) -> None:
        """May be repeated. Raises BackendError for what would not go."""
        inventory.remove(self.engine, Owned(self.owner, identity))
        saving.remove(self.engine, self.owner, identity)


def _check_stopped(stopping: Stopping) -> None:
    if stopping():
        raise BackendError("the launch was asked to end")

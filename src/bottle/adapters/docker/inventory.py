"""Finding and removing what carries our labels, and nothing else."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen

from bottle.adapters.docker.engine import Container, Engine, Network, Volume
from bottle.adapters.docker.failures import GoneError
from bottle.adapters.docker.names import BOX, SIDECAR, Owned
from bottle.app.ports import Running
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.state import Leftover

_ROUNDS = 5
_PAUSE = 0.2


def running(engine: Engine, owner: str) -> Sequence[Running]:
    """The bottles of this owner that have a box or a sidecar. `alive`: both run."""
    by_identity: dict[str, list[Container]] = {}
    for container in engine.containers(Owned(owner).filters()):
        by_identity.setdefault(container.identity, []).append(container)
    return [_running(identity, by_identity[identity]) for identity in sorted(by_identity)]


def leftovers(engine: Engine, owner: str) -> Sequence[Leftover]:
    """Every container, network and volume of this owner."""
    filters = Owned(owner).filters()
    return [
        *(Leftover(item.identity, "container", item.name) for item in engine.containers(filters)),
        *(Leftover(item.identity, "network", item.name) for item in engine.networks(filters)),
        *(Leftover(item.identity, "volume", item.name) for item in engine.volumes(filters)),
    ]


def find(engine: Engine, owned: Owned) -> tuple[Container | None, Container | None]:
    """The box and the sidecar of one bottle, where they are."""
    roles = {container.role: container for container in engine.containers(owned.filters())}
    return roles.get(BOX), roles.get(SIDECAR)


def remove(engine: Engine, owned: Owned) -> None:
    """Removes everything with these labels. Tries all of it, several times; then raises BackendError for what stays."""
    failures: list[str] = []
    for number in range(_ROUNDS):
        found = _Found.of(engine, owned)
        if not found.names:
            return
        if number:
            time.sleep(_PAUSE * number)
        failures = found.remove(engine)
    if names := ", ".join(_Found.of(engine, owned).names):
        raise BackendError(f"would not go: {names} ({'; '.join(failures)})", hint="`bottle cleanup` tries again")


@frozen
class _Found:
    """What the engine holds with some labels."""

    containers: Sequence[Container]
    networks: Sequence[Network]
    volumes: Sequence[Volume]

    @classmethod
    def of(cls, engine: Engine, owned: Owned) -> "_Found":
        filters = owned.filters()
        return cls(engine.containers(filters), engine.networks(filters), engine.volumes(filters))

    @property
    def names(self) -> Sequence[str]:
        everything: tuple[Container | Network | Volume, ...] = (*self.containers, *self.networks, *self.volumes)
        return [item.name for item in everything]

    def remove(self, engine: Engine) -> list[str]:
        """Containers first, as the others are in use by them, each kind at once; what went wrong."""
        with ThreadPoolExecutor(4, thread_name_prefix="remove") as pool:
            failures = [*pool.map(lambda item: _attempt(engine.remove_container, item.id), self.containers)]
            failures += [*pool.map(lambda item: _attempt(engine.remove_network, item.id), self.networks)]
            failures += [*pool.map(lambda item: _attempt(engine.remove_volume, item.name), self.volumes)]
        return [failure for failure in failures if failure]


def _attempt(remove_it: Callable[[str], None], item: str) -> str:
    try:
        remove_it(item)
    except GoneError:
        return ""
    except BottleError as error:
        return str(error)
    return ""


def _running(identity: str, containers: Sequence[Container]) -> Running:
    alive = {container.role for container in containers if container.running}
    services = {name for container in containers if container.running for name in container.services}
    return Running(identity, alive={BOX, SIDECAR} <= alive, services=tuple(sorted(services)))

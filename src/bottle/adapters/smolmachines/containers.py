"""Sidecars of machines in containers: for a host that has an engine and makes no boxes of namespaces, as every Mac.

A process of this host listens at the sockets that a machine has mounted, and carries what comes to the one door of the
container (sidecars/passage): no socket of a container's own comes out of the virtual machine of a Mac's engine.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from bottle.adapters import build_context
from bottle.adapters.bubblewrap import keeper
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.adapters.smolmachines.beside import Served
from bottle.app.ports import Progress
from bottle.domain.egress import Policy
from bottle.domain.errors import BottleError
from bottle.domain.plan import Image
from bottle.domain.state import Leftover

if TYPE_CHECKING:  # the engine's library is imported when an engine is asked
    from bottle.adapters.docker.backend import DockerBackend
    from bottle.adapters.docker.beside import Beside, Reached

_SIDECAR = f"{build_context.PREFIX}{build_context.SIDECAR}:"


@frozen
class Containers:
    """Keeps `Beside`."""

    docker: "DockerBackend"
    beside: "Beside"
    runtimes: Runtimes

    name = "containers"
    program = "sidecars.passage.host"
    shares_loopback = False

    def git_fault(self) -> None:
        """All that the gate needs is in the sidecar's image."""

    def image(self, of_the_engine: Image) -> Image:
        return of_the_engine

    def owns(self, image: Image) -> bool:
        return image.tag.startswith(_SIDECAR)

    def lacks(self, image: Image) -> bool:
        return bool(self.docker.missing([image]))

    def build(self, image: Image, progress: Progress) -> None:
        self.docker.build(image, progress)

    def place(self, served: Served, runtime: Runtime, lock: int, lifeline: Lifeline) -> list[int]:
        try:
            reached = self.beside.start(served.plan, served.cargo, served.audit, served.stopping)
        except BaseException:
            runtime.remove()
            raise
        try:
            self._open(reached, runtime, lock, lifeline)
        except BaseException as error:
            runtime.remove()
            try:
                self.beside.remove(served.plan.identity)
            except BottleError as failure:
                error.add_note(f"and {failure}")
            raise
        return list(reached.doors)

    def wait(self, served: Served, lifeline: Lifeline, deadline: float) -> None:
        lifeline.wait_for("started", deadline, served.stopping)  # the sidecars have served before it was ordered

    def reload(self, identity: str, policy: Policy, leaves: Mapping[str, str]) -> None:
        self.beside.reload(identity, policy, leaves)

    def log(self, identity: str) -> bytes:
        return self.beside.log(identity)

    def services(self) -> Mapping[str, Collection[str]]:
        running = self.beside.services()
        held = {one.identity for one in self.runtimes.all() if one.is_held()}
        return {identity: running.get(identity, ()) if identity in held else () for identity in running.keys() | held}

    def leftovers(self) -> Sequence[Leftover]:
        directories = [Leftover(one.identity, "directory", str(one.path)) for one in self.runtimes.all()]
        return [*directories, *self.beside.leftovers()]

    def remove(self, identity: str) -> None:
        try:
            keeper.end(self.runtimes.of(identity))
        finally:
            self.beside.remove(identity)

    def _open(self, reached: "Reached", runtime: Runtime, lock: int, lifeline: Lifeline) -> None:
        with Descriptors() as held:
            held.same(lock)
            spec = {
                "runtime": str(runtime.path),
                "control": held.listener(str(runtime.control)),
                "doors": {port: held.listener(str(runtime.door(port))) for port in reached.doors},
                "at": reached.port,
                "key": reached.key.hex(),
                "become": self.runtimes.number,
            }
            lifeline.order(spec, held.all)

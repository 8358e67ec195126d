"""Sidecars of machines as processes of this host, under the keeper that the bubblewrap backend has."""

import os
import socket
from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from bottle.adapters.bubblewrap import interpreter, keeper, sidecars, trust
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.programs import SIDECARS
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.adapters.bubblewrap.secret_rules import SecretRules
from bottle.adapters.bubblewrap.sidecars import Sidecars
from bottle.adapters.smolmachines.beside import Served
from bottle.app.ports import Progress
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError
from bottle.domain.plan import Image
from bottle.domain.state import Leftover


@frozen
class Processes:
    """Keeps `Beside`, on a host where boxes of namespaces can be made."""

    ground: Ground
    rules: SecretRules
    runtimes: Runtimes

    name = "processes of this host"
    program = "sidecars.keeper.main"
    shares_loopback = True

    def git_fault(self) -> BackendError | None:
        from bottle.adapters.bubblewrap import git_gate  # bottles without git wait for none of it

        return git_gate.fault()

    def image(self, of_the_engine: Image) -> Image:  # noqa: ARG002
        return SIDECARS

    def owns(self, image: Image) -> bool:
        return image == SIDECARS

    def lacks(self, image: Image) -> bool:  # noqa: ARG002
        return not self.rules.are_there()

    def build(self, image: Image, progress: Progress) -> None:  # noqa: ARG002
        self.rules.install(progress)

    def place(self, served: Served, runtime: Runtime, lock: int, lifeline: Lifeline) -> list[int]:
        interpreter.compile_once()
        ours = self._sidecars(served)
        try:
            with Descriptors() as held:
                held.same(lock)
                programs, ports = ours.programs(trust.stores(served.cargo.certificates.authority).host, held)
                spec = {
                    "runtime": str(runtime.path),
                    "control": held.listener(str(runtime.control)),
                    "become": ours.become(),
                    "memory": 0,
                    "programs": programs,
                }
                for port, sidecar in ports.items():
                    _hand(held.listener(str(runtime.door(port))), sidecar)
                lifeline.order(spec, held.all)
                return list(ports)
        except BaseException:
            runtime.remove()
            raise

    def wait(self, served: Served, lifeline: Lifeline, deadline: float) -> None:
        lifeline.wait_for("started", deadline, served.stopping)
        self._sidecars(served).wait(lifeline, deadline, served.stopping)

    def reload(self, identity: str, policy: Policy, leaves: Mapping[str, str]) -> None:
        sidecars.reload(self.runtimes.of(identity), policy, leaves)

    def log(self, identity: str) -> bytes:
        return self.runtimes.of(identity).log()

    def services(self) -> Mapping[str, Collection[str]]:
        return {one.identity: keeper.running(one) for one in self.runtimes.all() if one.is_held()}

    def leftovers(self) -> Sequence[Leftover]:
        return [Leftover(runtime.identity, "directory", str(runtime.path)) for runtime in self.runtimes.all()]

    def remove(self, identity: str) -> None:
        keeper.end(self.runtimes.of(identity))

    def _sidecars(self, served: Served) -> Sidecars:
        return Sidecars(served.plan, served.cargo, served.audit, self.rules.binds(), self.ground)


def _hand(listener: int, sidecar: int) -> None:
    """Gives a sidecar the socket to listen on, as the first process of a box of namespaces would."""
    with socket.socket(fileno=os.dup(sidecar)) as outside:
        socket.send_fds(outside, [b"\0"], [listener])

"""The sidecars of a bottle as processes of this host: what the keeper is told of them, and when they serve."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from bottle.adapters import gitleaks, sidecar
from bottle.adapters.bubblewrap import git_gate, interpreter, keeper, supervise, way_out
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime
from bottle.app.ports import Cargo, Stopping
from bottle.domain.egress import Policy
from bottle.domain.egress_config import EgressReload, reload_document
from bottle.domain.errors import BackendError
from bottle.domain.gitgate import GATE
from bottle.domain.plan import BottlePlan
from bottle.domain.supervise import SERVICE


@frozen
class Sidecars:
    """Those of one bottle. `rules` are the way out's, as paths to bind; `audit` is where their trail goes."""

    plan: BottlePlan
    cargo: Cargo
    audit: Path
    rules: Sequence[tuple[str, str]]
    ground: Ground

    def programs(self, roots: bytes, held: Descriptors) -> tuple[list[dict[str, object]], dict[int, int]]:
        """What the keeper is told, and by the port at which the box looks for a sidecar, the descriptor over which
        that one takes its listening socket. `roots`: the host's authorities (PEM).

        The way out comes first: it takes the longest to come up.
        """
        plan, cargo, ground = self.plan, self.cargo, self.ground
        inside, outside = held.pair()
        ports = {plan.proxy.port: inside}
        programs = [way_out.program(plan, cargo, self.audit, roots, self.rules, outside, ground, held)]
        if plan.remotes:
            ports[GATE.port], gate = held.pair()
            programs.append(git_gate.program(plan, cargo, self.audit, roots, self.rules, gate, ground, held))
        if cargo.rooms is not None:
            ports[SERVICE.port], door = held.pair()
            programs.append(supervise.program(plan, cargo.rooms, door, ground, held))
        return programs, ports

    def become(self, *further: str) -> dict[str, object] | None:
        """Whom the keeper becomes where this process is root, and what must be within reach then, `further` too."""
        number = self.ground.number
        if number is None:
            return None
        rules = [source for source, _ in self.rules]
        paths = [*self.ground.files, str(self.audit.resolve()), *further, *rules, *interpreter.reachable()]
        if self.plan.remotes:
            paths.append(str(gitleaks.program()))
        if self.cargo.rooms is not None:
            paths += [str(self.cargo.rooms.asked.resolve()), str(self.cargo.rooms.told.resolve())]
        return {"number": number, "reachable": paths}

    def wait(self, lifeline: Lifeline, deadline: float, stopping: Stopping) -> None:
        """Until each has said that it serves. Raises BackendError."""
        awaited = {
            keeper.WAY_OUT: self.plan.policy.version,
            **({git_gate.NAME: 0} if self.plan.remotes else {}),
            **({supervise.NAME: 0} if self.cargo.rooms else {}),
        }
        while awaited:
            answer = lifeline.wait_for("answer", deadline, stopping)
            version = awaited.pop(str(answer.get("program")), None)
            if version is None or not sidecar.stands(json.dumps(answer["answer"]).encode(), version):
                raise BackendError("the sidecar did not take its configuration")


def reload(runtime: Runtime, policy: Policy, leaves: Mapping[str, str]) -> None:
    """Has the way out judge by this policy from now on; `leaves` join those that it has. Raises BackendError."""
    document = reload_document(EgressReload(policy, leaves=sidecar.leaves(leaves)))
    answer = keeper.configure(runtime, keeper.WAY_OUT, document)
    if not sidecar.stands(answer, policy.version):
        raise BackendError(f"the sidecar answered something else: {json.loads(answer).get('event')}")

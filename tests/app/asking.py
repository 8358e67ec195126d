"""A supervised bottle whose agent asks, of a manifest in a file of the operator's."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from bottle.adapters.fake.backend import FakeBottle
from bottle.adapters.fake.manifests import FakeManifests
from bottle.adapters.state import StateFiles
from bottle.adapters.state.snapshots import SnapshotFiles
from bottle.app import inventory, proposals, supervise
from bottle.app.ports import World
from bottle.app.start import run_detached
from bottle.app.supervise import Approval
from bottle.domain.egress import Policy, Route
from bottle.domain.supervise import Asked, Decision, EgressWish, Proposal, Wish
from bottle.domain.supervise_files import proposal_document
from tests.app.conftest import MANIFEST, Stage

NUMBER = "aaaaaaaa"
PYPI = EgressWish("pypi.org", "/simple", ("GET",))
_BOTTLES: Mapping[str, Any] = MANIFEST["bottles"]  # type: ignore[assignment]
SUPERVISED = {**MANIFEST, "bottles": {**_BOTTLES, "claude": {**_BOTTLES["claude"], "supervise": True}}}
FILE = """\
---
agent_provider: {template: claude, auth_token: TOKEN}
supervise: true
egress:
  routes:
    # where the work is
    - host: example.org   # the forge
---

Mine.
"""


class Asking:
    """A supervised bottle that runs, of a manifest in a file of the operator's."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.state = StateFiles(stage.home / "state")
        self.world: World = evolve(
            stage.world,
            state=self.state,
            manifests=FakeManifests(SUPERVISED),
            snapshots=SnapshotFiles(stage.home / "state"),
        )
        self.file = stage.home / "bottles" / "claude.md"
        self.file.parent.mkdir()
        self.file.write_text(FILE)
        self.bottle = run_detached(self.world, stage.prepared(self.world))
        self.identity = self.bottle.identity

    def asks(self, wish: Wish, number: str = NUMBER, why: str = "to go on") -> str:
        proposal = Proposal(number, self.identity, self.world.clock.now().timestamp(), why, wish)
        path = self.stage.home / "state" / self.identity / "supervise" / "asked" / f"{number}.json"
        path.write_text(json.dumps(proposal_document(proposal)))
        return number

    def approve(self, number: str = NUMBER, **how: object) -> Decision:
        return self.approve_in(self.world, number, **how)

    def approve_in(self, world: World, number: str = NUMBER, **how: object) -> Decision:
        """A yes in a world with other parts."""
        return supervise.approve(world, supervise.review(world, number, Approval(**how)))  # type: ignore[arg-type]

    def stop(self) -> None:
        """Ends the bottle, and forgets it."""
        inventory.stop(self.world, self.identity)
        inventory.clean_up(self.world, inventory.plan_cleanup(self.world))

    def rules(self) -> list[str]:
        """What the host wrote into the trail."""
        return [json.loads(line)["rule"] for line in self.state.audit_lines(self.identity)]

    def asked(self, number: str = NUMBER) -> Asked:
        return proposals.find(self.world, number)

    @property
    def policy(self) -> Policy:
        """What the way out judges by."""
        assert isinstance(self.bottle, FakeBottle)
        return self.bottle.policy

    @property
    def granted(self) -> tuple[Route, ...]:
        """What the way out judges by, beyond the manifest."""
        return tuple(route for route in self.policy.routes if route.grant is not None)

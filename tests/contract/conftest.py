"""Every kind of backend that this machine has, and the fake; a bottle of each for what only looks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field

from bottle.adapters.fake.backend import FakeBackend, FakeEngine
from bottle.app.ports import Backend, Bottle
from bottle.domain.egress import Injection, Route
from bottle.domain.hosts import HostPattern
from bottle.domain.plan import BottlePlan, Image, PlannedRoute
from bottle.domain.provision import GUEST_HOME, Check, GuestFile, HostTree
from tests.support import bottles, smolmachines
from tests.support.requirements import require

ODD = '-it\'s $(id) `id` "x"; *\n&'
"""A name that comes out as another one wherever a shell reads it."""
ABSENT = Image("bot-bottle-absent:000000000000")


def injecting(host: str, slot: str) -> Route:
    return Route(HostPattern(host), inject=Injection("authorization", "Bearer", slot))


@define
class Kind:
    """A backend under test: how to make one for an owner, and images that are there."""

    name: str
    images: tuple[Image, Image]
    engine: FakeEngine = field(factory=FakeEngine)
    data: Path = Path("/nonexistent")
    """Where virtual machines are kept."""

    @property
    def shares_names(self) -> bool:
        """Whether all owners' bottles stand in one list of names, as an engine's containers do."""
        return self.name != "bubblewrap"

    def backend(self, owner: str = "contract") -> Backend:
        owner = f"{owner}:{os.getpid()}"
        if self.name == "fake":
            return FakeBackend(engine=self.engine, owner=owner)
        if self.name == "bubblewrap":
            return bottles.bubblewrap_backend(owner)
        if self.name == "smolmachines":
            return smolmachines.backend(owner, self.data)
        return bottles.docker_backend(owner)


@pytest.fixture(scope="module", params=["fake", "docker", "bubblewrap", "smolmachines"])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    if request.param == "fake":
        images = Image("box:1", "Dockerfile"), Image("sidecar:1", "Dockerfile")
        return Kind("fake", images, FakeEngine(images={image.tag for image in images}))
    require(request.param)
    if request.param == "bubblewrap":
        return Kind("bubblewrap", bottles.PROGRAMS)
    if request.param == "smolmachines":
        return Kind("smolmachines", smolmachines.images_for_tests(), data=tmp_path_factory.mktemp("machines"))
    return Kind("docker", bottles.images_for_tests())


@pytest.fixture(scope="module")
def furnished(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, Bottle, BottlePlan]]:
    """One bottle for all cases that only look."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "notes.txt").write_text("from the host")
    (tree / ODD).mkdir()
    (tree / ODD / "-rf").write_text("odd")
    plan = bottles.a_plan(
        kind.images,
        env={"OPEN": "in the manifest"},
        host_env=["CLOSED"],
        files=[GuestFile(f"{GUEST_HOME}/.deep/er/file", b"furniture")],
        trees=[HostTree(str(tree), f"{GUEST_HOME}/workspace")],
        checks=[Check(("cat", f"{GUEST_HOME}/.deep/er/file"), "the furniture is missing")],
        routes=[PlannedRoute(injecting("api.example.com", "EGRESS_TOKEN_0"))],
    )
    backend = kind.backend()
    cargo = bottles.a_cargo(env={"CLOSED": 'it\'s $HOME\n`id` \\ "x" '}, secrets={"EGRESS_TOKEN_0": "s3cret-value"})
    with bottles.launched(backend, plan, cargo) as bottle:
        yield backend, bottle, plan

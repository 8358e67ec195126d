"""What every backend promises (ports.Backend, ports.Bottle), on the fake and on each that this machine has."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, evolve, field

from bottle.adapters.fake.backend import FakeBackend, FakeEngine
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Backend, Bottle, Cargo
from bottle.domain.egress import Injection, Policy, Route
from bottle.domain.errors import BackendError, ConflictError, NotFoundError, ProvisionError, TimeIsUpError
from bottle.domain.hosts import HostPattern
from bottle.domain.plan import BottlePlan, Image, PlannedRoute
from bottle.domain.provision import GUEST_HOME, Check, GuestFile, HostTree
from tests.support import bottles, smolmachines
from tests.support.requirements import require

ODD = '-it\'s $(id) `id` "x"; *\n&'
"""A name that comes out as another one wherever a shell reads it."""
ABSENT = Image("bot-bottle-absent:000000000000")


def _injecting(host: str, slot: str) -> Route:
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
        routes=[PlannedRoute(_injecting("api.example.com", "EGRESS_TOKEN_0"))],
    )
    backend = kind.backend()
    cargo = bottles.a_cargo(env={"CLOSED": 'it\'s $HOME\n`id` \\ "x" '}, secrets={"EGRESS_TOKEN_0": "s3cret-value"})
    with bottles.launched(backend, plan, cargo) as bottle:
        yield backend, bottle, plan


def test_a_survey_says_that_the_backend_can_work_and_names_its_walls(kind: Kind) -> None:
    survey = kind.backend().survey()
    assert survey.usable
    assert survey.walls
    assert all(wall.name and wall.how for wall in survey.walls)


def test_an_image_that_is_not_there_is_missing_and_others_are_not(kind: Kind) -> None:
    assert list(kind.backend().missing([kind.images[0], ABSENT, kind.images[1]])) == [ABSENT]


def test_an_image_that_is_taken_as_it_is_cannot_be_built(kind: Kind) -> None:
    with pytest.raises(ProvisionError, match=ABSENT.tag):
        kind.backend().build(ABSENT, FakeProgress())


def test_a_command_gives_its_status_and_outputs(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    assert bottle.run(["true"]).status == 0
    assert bottle.run(["false"]).status == 1
    missing = bottle.run(["cat", "/not/there"])
    assert missing.status == 1
    assert missing.stdout == b""
    assert b"/not/there" in missing.stderr


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_input_reaches_a_command_whole_and_ends(furnished: tuple[Backend, Bottle, BottlePlan], size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"\0" * (size % 256)
    assert furnished[1].run(["cat"], stdin=content).stdout == content


def test_the_environment_is_the_plans_and_the_cargos(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].run(["printenv", "OPEN"]).stdout == b"in the manifest\n"
    assert furnished[1].run(["printenv", "CLOSED"]).stdout == b'it\'s $HOME\n`id` \\ "x" \n'
    assert furnished[1].run(["printenv", "NOT_SAID"]).status == 1


def test_files_and_trees_are_in_their_places(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].run(["cat", f"{GUEST_HOME}/.deep/er/file"]).stdout == b"furniture"
    assert furnished[1].run(["cat", f"{GUEST_HOME}/workspace/notes.txt"]).stdout == b"from the host"


def test_gap_05_names_in_a_skill_or_another_tree_are_words_of_no_shell(
    furnished: tuple[Backend, Bottle, BottlePlan],
) -> None:
    assert furnished[1].run(["cat", f"{GUEST_HOME}/workspace/{ODD}/-rf"]).stdout == b"odd"


def test_a_command_that_takes_too_long_is_an_error(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    with pytest.raises(TimeIsUpError, match="did not end"):
        furnished[1].run(["sleep", "30"], timeout=0.5)


def test_what_a_command_says_can_be_heard_as_it_comes(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    heard: dict[int, bytes] = {1: b"", 2: b""}

    def hear(stream: int, piece: bytes) -> None:
        heard[stream] += piece

    content = bytes(range(256)) * 1000
    done = furnished[1].run(["cat"], stdin=content, heard=hear)
    assert (done.status, done.stdout, done.stderr) == (0, b"", b"")
    assert furnished[1].run(["cat", "/not/there"], heard=hear).status == 1
    assert heard[1] == content
    assert b"/not/there" in heard[2]


def test_who_hears_may_stop_a_command(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    def refuse(_stream: int, _piece: bytes) -> None:
        raise BackendError("more than is taken")

    with pytest.raises(BackendError, match="more than is taken"):
        furnished[1].run(["cat"], stdin=b"x" * 100_000, heard=refuse)
    assert furnished[1].run(["true"]).status == 0


def test_another_process_opens_the_bottle_and_finds_the_same_environment(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    opened = kind.backend().open(furnished[2].identity)
    assert opened.identity == furnished[2].identity
    assert opened.run(["printenv", "CLOSED"]).stdout == b'it\'s $HOME\n`id` \\ "x" \n'


def test_an_attached_agents_status_is_given_back(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].attach(["true"]) == 0
    assert furnished[1].attach(["false"]) == 1


def test_a_running_bottle_is_listed_with_what_serves_it(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    backend, _, plan = furnished
    listed = {running.identity: running for running in backend.running()}
    assert listed[plan.identity].alive
    assert listed[plan.identity].services == ("egress",)


def test_the_sidecars_log_can_be_had(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert b'"ready"' in furnished[1].sidecar_log()


def test_a_new_policy_stands_when_reload_returns(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    bottle.reload(Policy((Route(HostPattern("api.example.com"), methods=("GET",)),), version=7))
    assert b'"version": 7' in bottle.sidecar_log()


def test_a_policy_that_the_sidecar_refuses_is_an_error(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    with pytest.raises(BackendError, match="refused"):
        bottle.reload(Policy((Route(HostPattern("nobody-has-a-certificate-for.example.com")),), version=8))
    bottle.reload(Policy(version=9))


def test_an_identity_is_launched_once_and_the_loser_leaves_the_winner_alone(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    _, bottle, plan = furnished
    bare = evolve(plan, env=(), trees=(), checks=(), routes=())
    for owner in ("contract", "somebody-else") if kind.shares_names else ("contract",):
        backend = kind.backend(owner)
        with bottles.audit_directory() as audit, pytest.raises(ConflictError):
            backend.launch(bare, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    assert bottle.run(["true"]).status == 0
    assert not kind.backend("somebody-else").leftovers()


def test_destroy_takes_one_bottle_whole_and_no_other(kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    backend, neighbour, neighbours_plan = furnished
    plan = bottles.a_plan(kind.images)
    with bottles.launched(backend, plan) as bottle:
        assert {left.identity for left in backend.leftovers()} == {plan.identity, neighbours_plan.identity}
        backend.destroy(plan.identity)
        backend.destroy(plan.identity)
        assert {left.identity for left in backend.leftovers()} == {neighbours_plan.identity}
        assert [running.identity for running in backend.running()] == [neighbours_plan.identity]
        with pytest.raises(BackendError):
            bottle.run(["true"])
        with pytest.raises(BackendError):
            bottle.attach(["true"])
        with pytest.raises(NotFoundError):
            backend.open(plan.identity)
    assert neighbour.run(["true"]).status == 0


def test_one_owner_neither_sees_nor_removes_anothers_bottles(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    _, bottle, plan = furnished
    stranger = kind.backend("stranger")
    assert not stranger.running()
    assert not stranger.leftovers()
    with pytest.raises(NotFoundError):
        stranger.open(plan.identity)
    stranger.destroy(plan.identity)
    assert bottle.run(["true"]).status == 0


@pytest.mark.parametrize("identity", ["", "probe", "*", "PROBE-abc12", "probe-abc12\n", "probe-abc12,probe-abc13"])
def test_destroy_of_what_is_no_identity_removes_nothing(
    furnished: tuple[Backend, Bottle, BottlePlan], identity: str
) -> None:
    backend, bottle, _ = furnished
    with pytest.raises(NotFoundError):
        backend.destroy(identity)
    assert bottle.run(["true"]).status == 0


def test_a_launch_that_is_asked_to_end_leaves_nothing(kind: Kind) -> None:
    backend, plan, progress = kind.backend("interrupted"), bottles.a_plan(kind.images), FakeProgress()
    with bottles.audit_directory() as audit, pytest.raises(BackendError, match="asked to end"):
        backend.launch(plan, bottles.a_cargo(), audit, progress, lambda: bool(progress.steps))
    assert not backend.leftovers()


def _broken_launches(plan: BottlePlan) -> dict[str, tuple[BottlePlan, Cargo, type[Exception]]]:
    route = PlannedRoute(_injecting("api.example.com", "EGRESS_TOKEN_0"))
    check = Check(("false",), "the program is missing")
    env = bottles.a_plan((plan.image, plan.sidecar_image), host_env=["ABSENT"]).env
    return {
        "no image": (evolve(plan, image=ABSENT), bottles.a_cargo(), BackendError),
        "no sidecar image": (evolve(plan, sidecar_image=ABSENT), bottles.a_cargo(), BackendError),
        "a check that fails": (evolve(plan, checks=(check,)), bottles.a_cargo(), ProvisionError),
        "a value that did not come": (evolve(plan, env=env), bottles.a_cargo(), ProvisionError),
        "a secret that did not come": (evolve(plan, routes=(route,)), bottles.a_cargo(), ProvisionError),
        "a tree that is not there": (
            evolve(plan, trees=(HostTree("/not/there", f"{GUEST_HOME}/x"),)),
            bottles.a_cargo(),
            ProvisionError,
        ),
    }


@pytest.mark.parametrize("case", list(_broken_launches(bottles.a_plan((ABSENT, ABSENT)))))
def test_a_launch_that_fails_says_why_and_leaves_nothing(kind: Kind, case: str) -> None:
    backend = kind.backend("failing")
    plan, cargo, error = _broken_launches(bottles.a_plan(kind.images))[case]
    with bottles.audit_directory() as audit, pytest.raises(error):
        backend.launch(plan, cargo, audit, FakeProgress(), bottles.never)
    assert not backend.leftovers()


def test_a_launch_without_a_directory_for_the_trail_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    backend, plan = kind.backend("failing"), bottles.a_plan(kind.images)
    with pytest.raises(BackendError):
        backend.launch(plan, bottles.a_cargo(), tmp_path / "absent", FakeProgress(), bottles.never)
    assert not backend.leftovers()

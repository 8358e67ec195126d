"""From words to a plan: which backend, which secrets, which faults."""

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBackend
from bottle.adapters.fake.manifests import FakeManifests
from bottle.app.ports import Survey, World
from bottle.app.prepare import Wanted, prepare, require_ready
from bottle.domain.errors import BackendError, NotFoundError, SecretMissingError, UsageError
from bottle.domain.hosts import Authority
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.app.conftest import BASE, MANIFEST, Stage

ALIVE = Survey(usable=True)
DEAD = Survey(usable=False, reason="nobody answers", hint="start it")


def with_both(stage: Stage, dead: str = "") -> World:
    """The world with two backends, in wiring's order; those whose names are in `dead` do not work."""
    return evolve(
        stage.world,
        backends={
            "docker": FakeBackend(found=DEAD if "docker" in dead else ALIVE),
            "bubblewrap": FakeBackend(found=DEAD if "bubblewrap" in dead else ALIVE, name="bubblewrap"),
        },
    )


def test_a_backend_that_is_not_served_is_never_replaced(stage: Stage) -> None:
    with pytest.raises(BackendError, match="'bubblewrap' is not served"):
        prepare(stage.world, Wanted("other"))


@pytest.mark.parametrize(
    ("flag", "variable", "agent", "backend"),
    [
        ("docker", "bubblewrap", "other", "docker"),
        ("bubblewrap", "docker", "coder", "bubblewrap"),
        (None, "docker", "other", "docker"),
        (None, "bubblewrap", "coder", "bubblewrap"),
        (None, None, "other", "bubblewrap"),
        (None, None, "coder", "docker"),
    ],
)
def test_flag_before_environment_before_manifest(
    stage: Stage, flag: str | None, variable: str | None, agent: str, backend: str
) -> None:
    world = evolve(with_both(stage), chosen_backend=variable)
    assert prepare(world, Wanted(agent, backend=flag)).plan.backend == backend


@pytest.mark.parametrize(
    ("dead", "backend"), [("docker", "bubblewrap"), ("bubblewrap", "docker"), ("docker bubblewrap", "docker")]
)
def test_where_none_is_named_the_first_that_works_is_taken(stage: Stage, dead: str, backend: str) -> None:
    assert prepare(with_both(stage, dead), Wanted("coder")).plan.backend == backend


def test_an_experiment_is_taken_where_it_is_named_and_nowhere_else(stage: Stage) -> None:
    """However little else works on this host."""
    world = with_both(stage, "docker bubblewrap")
    world = evolve(world, backends={"smolmachines": FakeBackend(name="smolmachines"), **world.backends})
    assert prepare(world, Wanted("coder")).plan.backend == "docker"
    assert prepare(world, Wanted("coder", backend="smolmachines")).plan.backend == "smolmachines"


@pytest.mark.parametrize(
    ("flag", "variable", "agent", "named"),
    [
        ("docker", None, "coder", "docker"),
        (None, "docker", "coder", "docker"),
        ("bubblewrap", None, "coder", "bubblewrap"),
        (None, None, "other", "bubblewrap"),
    ],
)
def test_a_named_backend_that_does_not_work_is_an_error(
    stage: Stage, flag: str | None, variable: str | None, agent: str, named: str
) -> None:
    world = evolve(with_both(stage, named), chosen_backend=variable)
    prepared = prepare(world, Wanted(agent, backend=flag))
    assert any("cannot be used now" in note for note in prepared.plan.notes)
    with pytest.raises(BackendError, match=f"{named}: nobody answers") as caught:
        require_ready(prepared)
    assert caught.value.hint == "start it"


def test_preparing_touches_nothing_and_asks_nobody(stage: Stage) -> None:
    stage.prepared()
    assert (stage.state.identities(), stage.operator.asked, stage.backend.launched) == ([], [], [])


def test_what_is_missing_is_told_when_the_plan_is_to_be_carried_out(stage: Stage) -> None:
    stage.credentials = type(stage.credentials)({"BASE": BASE})
    prepared = stage.prepared()
    assert prepared.plan.missing_secrets == ("TOKEN",)
    with pytest.raises(SecretMissingError, match="TOKEN"):
        require_ready(prepared)


@pytest.mark.parametrize("wanted", [Wanted("coder", label="\x1b[31m"), Wanted("coder", color="puce")])
def test_labels_and_colours_are_checked(stage: Stage, wanted: Wanted) -> None:
    with pytest.raises(UsageError):
        prepare(stage.world, wanted)


@pytest.mark.parametrize(
    ("shares", "host", "fits"), [(True, "127.0.0.1", True), (False, "10.0.0.1", True), (False, "localhost", False)]
)
def test_a_proxy_on_the_hosts_loopback_is_for_sidecars_that_reach_it(
    stage: Stage, shares: bool, host: str, fits: bool
) -> None:
    """In a container, that address is the container's own: every request would fail for a reason that nobody sees."""
    stage.backend.found = Survey(usable=True, shares_loopback=shares)
    proxy = UpstreamProxy(Authority(host, 3128), "sam:hush")
    prepared = prepare(evolve(stage.world, upstream_proxy=lambda: proxy), Wanted("coder"))
    assert prepared.plan.upstream_proxy == proxy.authority
    assert "hush" not in repr(prepared.plan)
    if fits:
        require_ready(prepared)
        return
    with pytest.raises(UsageError, match="the sidecar's own loopback"):
        require_ready(prepared)


def test_a_skill_that_the_host_lacks_is_told_before_anything_starts(stage: Stage) -> None:
    agents = {"coder": {"bottle": "claude", "skills": ["here", "gone"]}}
    world = evolve(
        stage.world,
        manifests=FakeManifests({**MANIFEST, "agents": agents}),
        skills_root="/home/sam/.claude/skills",
        has_skill="here".__eq__,
    )
    prepared = prepare(world, Wanted("coder"))
    assert any("skill 'gone'" in note for note in prepared.plan.notes)
    with pytest.raises(NotFoundError, match=r"there is no directory /home/sam/\.claude/skills/gone"):
        require_ready(prepared)

"""Keys at forges over a bottle's life: made with it, gone with it, and found again where its launcher was killed."""

import pytest
from attrs import evolve

from bottle.adapters.fake.credentials import FakeCredentials
from bottle.adapters.fake.deploy_keys import FakeDeployKeys
from bottle.adapters.fake.manifests import FakeManifests
from bottle.app import inventory
from bottle.app.ports import World
from bottle.app.prepare import Wanted, prepare, require_ready
from bottle.app.start import run_attached, run_detached
from bottle.cli import documents, render
from bottle.domain.errors import ProvisionError, SecretMissingError, WallsError
from tests.app.conftest import Stage
from tests.support.flaky import flaky

IDENTITY, TOKEN = "coder-aaaaa", "made-up-forge-token"
WISH = {"provider": "gitea", "url": "https://git.test", "token_ref": "FORGE_TOKEN"}
REMOTE = {
    "Upstream": "ssh://git@git.test/team/project.git",
    "KnownHostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0PpB1b1mWkz2gZkqv7m2Tn9b8u0m5Cq0XbQvYd5aB",
    "deploy_key": WISH,
}
MANIFEST = {
    "bottles": {"claude": {"agent_provider": {"template": "claude"}, "git": {"remotes": {"git.test": REMOTE}}}},
    "agents": {"coder": {"bottle": "claude"}},
}


@pytest.fixture
def forge() -> FakeDeployKeys:
    return FakeDeployKeys(TOKEN)


@pytest.fixture
def world(stage: Stage, forge: FakeDeployKeys) -> World:
    credentials = FakeCredentials({"FORGE_TOKEN": TOKEN})
    return evolve(stage.world, manifests=FakeManifests(MANIFEST), deploy_keys=forge, credentials=credentials)


def test_a_key_comes_with_the_bottle_and_goes_with_it(stage: Stage, forge: FakeDeployKeys, world: World) -> None:
    """The gate has it while the agent works; afterwards neither the forge nor the record has."""
    while_running: list[int] = []

    def agent(_box: object, _argv: object) -> int:
        while_running.append(len(forge.standing))
        return 0

    stage.backend.agent = agent
    run_attached(world, prepare(world, Wanted("coder")))
    ((plan, cargo),) = stage.backend.launched
    assert cargo.git_secrets == {"git.test": f"a private key for {IDENTITY}"}
    assert TOKEN not in repr(plan) + repr(cargo)
    assert while_running == [1]
    assert (forge.standing, forge.registered(IDENTITY)) == ([], ())


def test_a_plan_asks_no_forge_and_says_that_a_start_would(forge: FakeDeployKeys, world: World) -> None:
    """`--dry-run` touches nothing, nothing outside either; who confirms a start knows what it reaches."""
    prepared = prepare(world, Wanted("coder"))
    require_ready(prepared)
    assert forge.record == {}
    assert "with a new key that writes, registered at https://git.test" in render.preflight(prepared.plan)
    (shown,) = documents.of_info(prepared.plan)["git"]
    assert shown["deploy_key"] == {**WISH, "read_only": False}


def test_a_token_that_is_not_set_ends_the_start(forge: FakeDeployKeys, world: World) -> None:
    """Before anything is made."""
    poor = evolve(world, credentials=FakeCredentials({}))
    with pytest.raises(SecretMissingError, match="FORGE_TOKEN"):
        run_attached(poor, prepare(poor, Wanted("coder")))
    assert forge.record == {}


def test_a_start_that_fails_takes_its_key_along(stage: Stage, forge: FakeDeployKeys, world: World) -> None:
    """Whether the forge refused it or the walls did."""
    backend = flaky(stage.backend, "launch", WallsError("a wall is open"))
    failing = evolve(world, backends={"docker": backend})
    with pytest.raises(WallsError):
        run_attached(failing, prepare(failing, Wanted("coder")))
    assert (forge.standing, stage.state.identities()) == ([], [])


def test_a_launcher_that_was_killed_leaves_a_record_for_cleanup(
    stage: Stage, forge: FakeDeployKeys, world: World
) -> None:
    """`cleanup` names the key before it removes it."""
    run_detached(world, prepare(world, Wanted("coder")))
    stage.state.update(evolve(stage.state.read(IDENTITY), detached=False))
    plan = inventory.plan_cleanup(world)
    assert ("deploy key", f"bottle {IDENTITY} at https://git.test") in [
        (item.kind, item.name) for item in plan.leftovers
    ]
    assert inventory.clean_up(world, plan) == [IDENTITY]
    assert (forge.standing, stage.state.identities()) == ([], [])


def test_a_key_that_cannot_be_withdrawn_is_not_forgotten(stage: Stage, forge: FakeDeployKeys, world: World) -> None:
    """The box goes, the state stays, and a second clean-up with the token ends it."""
    run_detached(world, prepare(world, Wanted("coder")))
    forge.token = "another"
    with pytest.raises(ProvisionError, match="does not take the token"):
        inventory.stop(world, IDENTITY)
    assert stage.backend.engine.bottles == {}
    assert [row.status for row in inventory.rows(world, everything=True)] == ["lost"]
    forge.token = TOKEN
    inventory.clean_up(world, inventory.plan_cleanup(world))
    assert (forge.standing, stage.state.identities()) == ([], [])

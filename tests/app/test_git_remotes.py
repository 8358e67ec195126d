"""A start with git remotes: what keeps them from being served is said first, and keys go to the launch alone."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBackend
from bottle.adapters.fake.git_keys import FakeGitKeys
from bottle.adapters.fake.manifests import FakeManifests
from bottle.app.cargo import resolve_git_secrets
from bottle.app.ports import World
from bottle.app.prepare import Wanted, prepare, require_ready
from bottle.domain.errors import BackendError, ManifestError, SecretMissingError
from tests.app.conftest import Stage

KEY = "made-up-key"
REMOTE = {
    "Upstream": "git@git.test:team/project.git",
    "IdentityFile": "/keys/project",
    "KnownHostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0PpB1b1mWkz2gZkqv7m2Tn9b8u0m5Cq0XbQvYd5aB",
}


def world(stage: Stage, remote: Mapping[str, object], keys: Mapping[str, str] | None = None) -> World:
    manifest = {
        "bottles": {"claude": {"agent_provider": {"template": "claude"}, "git": {"remotes": {"git.test": remote}}}},
        "agents": {"coder": {"bottle": "claude"}},
    }
    return evolve(stage.world, manifests=FakeManifests(manifest), git_keys=FakeGitKeys(keys))


def test_a_missing_key_is_in_the_preflight_and_ends_the_start(stage: Stage) -> None:
    """`--dry-run` shows it as a note; a start goes no further, and has made nothing."""
    prepared = prepare(world(stage, REMOTE), Wanted("coder"))
    assert any("there is no key /keys/project" in note for note in prepared.plan.notes)
    with pytest.raises(SecretMissingError, match="there is no key"):
        require_ready(prepared)


def test_a_remote_without_a_pinned_host_key_ends_the_start(stage: Stage) -> None:
    """Anybody on the way could be the upstream."""
    poor = {name: value for name, value in REMOTE.items() if name != "KnownHostKey"}
    with pytest.raises(ManifestError, match="needs a KnownHostKey"):
        require_ready(prepare(world(stage, poor), Wanted("coder")))


def test_a_token_that_is_not_set_ends_the_start(stage: Stage) -> None:
    """It is a credential like those of routes, and is asked for by the same name."""
    remote: dict[str, object] = {"Upstream": "https://git.test/project.git", "token_ref": "FORGE_TOKEN"}
    with pytest.raises(SecretMissingError, match="FORGE_TOKEN"):
        require_ready(prepare(world(stage, remote), Wanted("coder")))


def test_keys_go_to_the_launch_and_not_into_the_plan(stage: Stage) -> None:
    """The plan is printed; what a launch is handed is not."""
    here = world(stage, REMOTE, {"/keys/project": KEY})
    prepared = prepare(here, Wanted("coder"))
    require_ready(prepared)
    assert resolve_git_secrets(here, prepared.plan) == {"git.test": KEY}
    assert KEY not in repr(prepared)
    settings = next(file for file in prepared.plan.files if Path(file.path).name == ".gitconfig")
    assert b'[url "http://git-gate:9418/git.test/team/project"]' in settings.content
    assert b'insteadOf = "git@git.test:team/project"' in settings.content


def test_a_host_that_serves_no_git_remote_ends_the_start_of_a_bottle_that_has_one(stage: Stage) -> None:
    """Others start there all the same."""
    lacking = FakeBackend(without_git=BackendError("there is no git"))
    here = evolve(world(stage, REMOTE, {"/keys/project": KEY}), backends={"docker": lacking})
    with pytest.raises(BackendError, match="there is no git"):
        require_ready(prepare(here, Wanted("coder")))
    without = FakeManifests(
        {"bottles": {"claude": {"agent_provider": {"template": "claude"}}}, "agents": {"coder": {"bottle": "claude"}}}
    )
    require_ready(prepare(evolve(here, manifests=without), Wanted("coder")))

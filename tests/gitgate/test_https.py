"""An upstream over HTTPS: the token is the gate's, and goes nowhere else."""

from base64 import b64encode
from pathlib import Path

from attrs import evolve

from bottle.domain.gitgate_config import GateRemote
from bottle.domain.manifest import Remote
from tests.gitgate.conftest import World
from tests.support.git_client import Git, bare_repository, holds
from tests.support.https_forge import https_forge

TOKEN = "made-up-forge-token-77aa-xyz"


def test_clone_and_push_with_the_token_of_the_gate(world: World, tmp_path: Path) -> None:
    """The agent has no token and needs none; a push that holds it is refused like any other secret."""
    repository = bare_repository(tmp_path / "forge" / "project.git", {"README": "hello\n"})
    Git.at(repository)("config", "http.receivepack", "true")
    with https_forge(tmp_path / "forge", TOKEN) as forge:
        remote = Remote(f"{forge.url}/project.git", token_ref="FORGE_TOKEN")
        world.extra = (GateRemote("forge.test", remote, TOKEN),)
        world.roots = forge.root
        world.start()
        work = world.git()
        work("clone", "--quiet", remote.upstream, ".")
        commit = work.commit({"new.py": "print('hello')\n"})
        work("push", "--quiet", "origin", "main")
        assert Git.at(repository)("rev-parse", "main") == commit
        work.commit({"token": b64encode(TOKEN.encode())})
        assert "rule withheld-value" in work.attempt("push", "origin", "main").said
        assert not holds(repository, b64encode(TOKEN.encode()).decode())
        assert TOKEN not in str(world.audit)


def test_a_wrong_token_or_an_unknown_authority_fails_and_says_so(world: World, tmp_path: Path) -> None:
    """Neither is worked around: the fetch fails with git's own reason, without the token."""
    bare_repository(tmp_path / "forge" / "project.git", {"README": "hello\n"})
    with https_forge(tmp_path / "forge", TOKEN) as forge:
        entry = GateRemote("forge.test", Remote(f"{forge.url}/project.git", token_ref="FORGE_TOKEN"), "another-token")
        world.extra, world.roots = (entry,), forge.root
        world.start()
        refused = world.git().attempt("ls-remote", entry.remote.upstream)
        assert refused.status != 0
        assert "Authentication failed" in refused.said or "could not read Username" in refused.said
        world.extra, world.roots = (evolve(entry, secret=TOKEN),), ""
        world.start()
        distrusted = world.git("other").attempt("ls-remote", entry.remote.upstream)
        assert "certificate" in distrusted.said
        assert TOKEN not in refused.said + distrusted.said


def test_a_forge_that_says_what_it_was_sent_tells_nobody(world: World, tmp_path: Path) -> None:
    """Its error reaches the agent and the trail, the token does not, nor half of it where the text is cut."""
    with https_forge(tmp_path, TOKEN, "no such user: {}" + "." * 284) as forge:
        entry = GateRemote("forge.test", Remote(f"{forge.url}/project.git", token_ref="FORGE_TOKEN"), TOKEN)
        world.extra, world.roots = (entry,), forge.root
        world.start()
        said = world.git().attempt("ls-remote", entry.remote.upstream).said
    assert "403" in said
    assert "****" in said
    told = said + str(world.audit)
    assert not [part for part in (TOKEN[-8:], b64encode(TOKEN.encode()).decode()[8:16]) if part in told]

"""A remote that stays on this host begins with the history of the repository that the bottle was started in."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bottle.adapters.git_results import BundleFiles
from bottle.adapters.git_seeds import HostSeeds
from bottle.domain.errors import BottleError
from bottle.domain.gitgate_config import SEED, GateRemote
from bottle.domain.manifest import Remote
from tests.gitgate.conftest import World
from tests.support.git_client import Git, a_token

URL = "bottle:results"


@pytest.fixture
def mine(tmp_path: Path) -> Git:
    """The operator's repository: two branches, and a secret in its past, which is the operator's own affair."""
    git = Git.at(tmp_path / "mine")
    git("init", "--quiet")
    git.commit({"README": "hello\n", "old": f"key = {a_token()}\n"}, "first")
    git("branch", "stable")
    git("switch", "--quiet", "-c", "trunk")
    git.commit({"big": "".join(f"{number:x}\n" for number in range(20_000))}, "second")
    return git


@pytest.fixture
def seeded(world: World, mine: Git) -> World:
    """A gate that found the seed when it started."""
    audit = world.folder / "audit"
    audit.mkdir()
    seeds = HostSeeds(os.environ)
    assert seeds.plant(mine.folder, audit) == ""
    world.extra = (GateRemote("results", Remote("local")),)
    world.start()
    seeds.remove(audit)
    return world


def test_work_goes_out_and_comes_back_as_what_is_new(seeded: World, mine: Git) -> None:
    """The agent has the branches from its own remote; old content is not searched again, new is; and what comes back
    holds the new commits alone."""
    work = seeded.git()
    work("clone", "--quiet", URL, ".")
    assert work("symbolic-ref", "--short", "HEAD") == "trunk"
    assert "origin/stable" in work("branch", "--remotes")
    commit = work.commit({"new": "1\n"})
    work("push", "--quiet", "origin", "HEAD:trunk", "HEAD:agent/one")
    bundle = seeded.folder / "audit" / "git-results.bundle"
    assert bundle.stat().st_size < 2000
    taken = BundleFiles(os.environ).take(bundle.parent, mine.folder, "bottle/probe-00000")
    assert sorted(taken) == ["bottle/probe-00000/agent/one", "bottle/probe-00000/trunk"]
    assert mine("rev-parse", "bottle/probe-00000/trunk") == commit
    work.commit({"conf": f"key = {a_token()}\n"})
    assert "rule github-pat" in work.attempt("push", "origin", "HEAD:trunk").said


def test_a_branch_at_what_the_host_has_already(seeded: World, mine: Git) -> None:
    """A name without a commit of its own comes back too."""
    work = seeded.git()
    work("clone", "--quiet", URL, ".")
    work("push", "--quiet", "origin", "HEAD:agent/same")
    taken = BundleFiles(os.environ).take(seeded.folder / "audit", mine.folder, "bottle/probe-00000")
    assert taken == ["bottle/probe-00000/agent/same"]
    assert mine("rev-parse", taken[0]) == mine("rev-parse", "trunk")


def test_another_repository_cannot_take_what_builds_on_this_one(seeded: World, tmp_path: Path) -> None:
    """git says what is missing; nothing was changed."""
    work = seeded.git()
    work("clone", "--quiet", URL, ".")
    work.commit({"new": "1\n"})
    work("push", "--quiet", "origin", "HEAD:trunk")
    other = Git.at(tmp_path / "other")
    other("init", "--quiet")
    other.commit({"x": "1\n"})
    with pytest.raises(BottleError, match="git did not take the result"):
        BundleFiles(os.environ).take(seeded.folder / "audit", other.folder, "bottle/probe-00000")
    assert "bottle/" not in other("branch")


def test_no_program_of_the_repository_runs(mine: Git, tmp_path: Path) -> None:
    """Neither a hook nor what its settings name: the tree may have come from anywhere."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = mine.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        shutil.copy(trap, hooks / name)
    for setting in ("core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook", "core.pager"):
        mine("config", setting, str(trap))
    assert HostSeeds(os.environ).plant(mine.folder, tmp_path) == ""
    assert (tmp_path / SEED).exists()
    assert not (tmp_path / "sprung").exists()


BORROWING = {
    "refs are a link": "rm -rf .git/refs; ln -s $THEIRS/refs .git/refs",
    "objects are a link": "rm -rf .git/objects; ln -s $THEIRS/objects .git/objects",
    "branches are a link": "rm -rf .git/refs/heads; ln -s $THEIRS/refs/heads .git/refs/heads",
    "objects are borrowed": "echo $THEIRS/objects > .git/objects/info/alternates",
    "all is borrowed": "echo $THEIRS > .git/commondir",
    "it is a link": "rm -rf .git; ln -s $THEIRS .git",
    "it points elsewhere": "rm -rf .git; echo gitdir: $THEIRS > .git",
}


@pytest.mark.parametrize("way", BORROWING)
def test_anothers_history_is_no_seed(way: str, mine: Git, tmp_path: Path) -> None:
    """A tree from anywhere can point at any repository of this host's; its agent is not to read that."""
    tree, folder = Git.at(tmp_path / "tree"), tmp_path / "left"
    tree("init", "--quiet")
    tree.commit({"a": "1\n"})
    folder.mkdir()
    subprocess.run(
        ["sh", "-ec", BORROWING[way]], cwd=tree.folder, env={**os.environ, "THEIRS": f"{mine.folder}/.git"}, check=True
    )
    assert HostSeeds(os.environ).plant(tree.folder, folder) == "the repository's history is another's"
    assert list(folder.iterdir()) == []


def test_a_worktree_that_its_repository_knows_is_a_seed(mine: Git, tmp_path: Path) -> None:
    mine("worktree", "add", "--quiet", str(tmp_path / "linked"))
    assert HostSeeds(os.environ).plant(tmp_path / "linked", tmp_path) == ""


def test_what_cannot_be_a_seed_says_why(mine: Git, tmp_path: Path) -> None:
    """A shallow clone, no repository, one without commits: the bottle starts without, and nothing lies about."""
    shallow, empty = Git.at(tmp_path / "shallow"), Git.at(tmp_path / "empty")
    shallow("clone", "--quiet", "--depth", "1", f"file://{mine.folder}", ".")
    empty("init", "--quiet")
    folder = tmp_path / "left"
    folder.mkdir()
    seeds = HostSeeds(os.environ)
    assert "not all of its history" in seeds.plant(shallow.folder, folder)
    assert "not all of its history" in seeds.plant(tmp_path / "nowhere", folder)
    assert "does not bundle" in seeds.plant(empty.folder, folder)
    assert list(folder.iterdir()) == []

"""Results come back as branches and nothing else, whatever was left in their place."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from bottle.adapters.git_results import BundleFiles
from bottle.domain.errors import BottleError, ConflictError, NotFoundError, UsageError
from tests.support.git_client import Git
from tests.support.repository_traps import TRAPS, Trapped
from tests.support.requirements import require

BELOW = "bottle/coder-abc12"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a gate left: one bundle with two branches."""
    require("git")
    folder = tmp_path / "left"
    folder.mkdir()
    agent = Git.at(tmp_path / "agent")
    agent("init", "--quiet")
    agent.commit({"work.txt": "done\n"})
    agent("branch", "fix/one")
    agent("bundle", "create", "--quiet", str(folder / "git-results.bundle"), "--branches")
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Git:
    git = Git.at(tmp_path / "mine")
    git("init", "--quiet")
    git.commit({"mine.txt": "1\n"})
    return git


def test_branches_come_back_below_one_name(left: Path, mine: Git) -> None:
    """Nothing is checked out, no other ref changes, and to repeat it is no error."""
    head = mine("rev-parse", "HEAD")
    results = BundleFiles(os.environ)
    branches = results.take(left, mine.folder, BELOW)
    assert branches == [f"{BELOW}/fix/one", f"{BELOW}/main"]
    assert mine("show", f"{BELOW}/main:work.txt") == "done"
    assert mine("rev-parse", "HEAD") == head
    assert mine("status", "--porcelain") == ""
    assert results.take(left, mine.folder, BELOW) == branches


@pytest.mark.parametrize("trap", TRAPS)
def test_no_hook_and_no_program_of_the_repository_runs(trap: str, left: Path, mine: Git) -> None:
    """The repository may be one that was taken from anywhere, with its settings."""
    trapped = Trapped.at(mine.folder, trap)
    with suppress(BottleError):  # git refuses some of them
        BundleFiles(os.environ).take(left, mine.folder, BELOW)
    assert not trapped.has_run


def test_what_is_no_result(left: Path, mine: Git, tmp_path: Path) -> None:
    """Nothing there, no repository, a link in the place of a file, a file of something else."""
    results, empty = BundleFiles(os.environ), tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NotFoundError, match="left no result"):
        results.take(empty, mine.folder, BELOW)
    with pytest.raises(UsageError, match="no git repository"):
        results.take(left, empty, BELOW)
    bundle = left / "git-results.bundle"
    bundle.rename(tmp_path / "elsewhere")
    bundle.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConflictError, match="no regular file"):
        results.take(left, mine.folder, BELOW)
    bundle.unlink()
    bundle.write_bytes(b"# v2 git bundle\nnonsense\n")
    with pytest.raises(BottleError, match="git did not take the result"):
        results.take(left, mine.folder, BELOW)
    assert mine("for-each-ref", "refs/heads/bottle") == ""

"""An agent's work comes home as a patch or a branch, shown first; nothing of it is obeyed or run on the way."""

import io
import os
import tarfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from attrs import define, evolve, frozen

from bottle.adapters import work_import
from bottle.adapters.workshop import GitWorkshop
from bottle.app.export_ports import Kept, Work
from bottle.domain.errors import BottleError, ConflictError, UsageError
from bottle.domain.state import Metadata
from bottle.domain.taken_out import KeptArchive, Part
from tests.support.git_client import Git
from tests.support.repository_traps import MISSING, TRAPS, Trapped
from tests.support.requirements import require

IDENTITY = "coder-abc12"
BRANCH = f"bottle/{IDENTITY}/work"
METADATA = Metadata(
    IDENTITY, "coder", "claude", "docker", "2026-01-01T10:00:00+00:00", ended_at="2026-01-01T11:00:00+00:00"
)
START = {"code.py": b"one\n", "bin/tool": b"#!/bin/sh\n", ".gitignore": b"build/\n*.log\n"}


@frozen
class Link:
    target: str


Things = Mapping[str, bytes | Link]


PROGRAMS = frozenset({"bin/tool", "run.sh"})


def archive(path: Path, things: Things, part: Part) -> KeptArchive:
    with tarfile.open(path, "w") as out:
        for name, thing in things.items():
            info = tarfile.TarInfo(f"workspace/{name}")
            info.mode = 0o755 if name in PROGRAMS else 0o644
            if isinstance(thing, Link):
                info.type, info.linkname = tarfile.SYMTYPE, thing.target
                out.addfile(info)
            else:
                info.size = len(thing)
                out.addfile(info, io.BytesIO(thing))
    return KeptArchive(str(path), ("workspace",), part)


@define
class Stage:
    """A repository in which a bottle began, and what the bottle may have made of it."""

    root: Path
    git: Git

    def work(
        self, things: Things, base: Things = START, into: Path | None = None, commit: str | None = None
    ) -> AbstractContextManager[Work]:
        metadata = evolve(METADATA, commit=self.git("rev-parse", "HEAD").strip() if commit is None else commit)
        kept = Kept(
            metadata,
            archive(self.root / "base.tar", base, "base"),
            archive(self.root / "work.tar", things, "workspace"),
        )
        return GitWorkshop(os.environ).comparing(kept, into or self.git.folder)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    require("git")
    git = Git.at(tmp_path / "mine")
    git("init", "--quiet")
    (git.folder / "bin").mkdir()
    for name, content in START.items():
        (git.folder / name).write_bytes(content)
    (git.folder / "bin/tool").chmod(0o755)
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    return Stage(tmp_path, git)


def test_work_becomes_a_branch_on_the_commit_that_it_began_from(stage: Stage) -> None:
    """One commit, with modes and links; nothing is checked out, no other ref moves."""
    head = stage.git("rev-parse", "HEAD")
    odd = 'a "quoted"\n\x1b[2J \\ name'
    changed: dict[str, bytes | Link] = {
        **START,
        "code.py": b"two\n",
        "run.sh": b"#!/bin/sh\n",
        "latest": Link("code.py"),
        odd: b"odd",
    }
    del changed["bin/tool"]
    with stage.work(changed) as work:
        assert {(change.path, change.status, change.mode) for change in work.changes} == {
            ("code.py", "changed", "100644"),
            ("run.sh", "added", "100755"),
            ("latest", "added", "120000"),
            (odd, "added", "100644"),
            ("bin/tool", "deleted", ""),
        }
        assert "5 files changed" in work.stat
        work.make_branch(BRANCH)
        work.make_branch(BRANCH)  # to repeat it is no error
    assert stage.git("rev-parse", f"{BRANCH}^") == head
    assert stage.git("show", f"{BRANCH}:code.py") == "two"
    assert stage.git("show", f"{BRANCH}:latest") == "code.py"
    assert stage.git("rev-parse", "HEAD") == head
    assert stage.git("status", "--porcelain") == ""
    assert "coder in coder-abc12" in stage.git("log", "-1", "--format=%an", BRANCH)


def test_what_was_not_committed_in_the_beginning_is_told_apart_from_the_work(stage: Stage) -> None:
    dirty = {**START, "code.py": b"mine\n"}
    with stage.work({**dirty, "new.py": b"theirs\n"}, dirty) as work:
        assert [change.path for change in work.changes] == ["new.py"]
        work.make_branch(BRANCH)
    names = stage.git("log", "--format=%s", BRANCH).splitlines()
    assert names == ["What coder-abc12 made of it", "As coder-abc12 found it", "Begin"]
    assert stage.git("diff", "--name-only", f"{BRANCH}^", BRANCH).split() == ["new.py"]


def test_a_patch_needs_no_repository_and_applies(stage: Stage, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    patch = tmp_path / "work.patch"
    changed: Things = {**START, "code.py": b"two\n", "data": bytes(range(256)), "latest": Link("code.py")}
    with stage.work(changed, into=elsewhere) as work:
        with pytest.raises(UsageError, match="no git repository"):
            work.make_branch(BRANCH)
        work.write_patch(patch)
        with pytest.raises(ConflictError, match="is there already"):
            work.write_patch(patch)
    stage.git("apply", str(patch))
    assert (stage.git.folder / "data").read_bytes() == bytes(range(256))
    assert (stage.git.folder / "latest").readlink() == Path("code.py")


def test_a_patch_that_cannot_be_written_is_told(stage: Stage, tmp_path: Path) -> None:
    with stage.work({**START, "new": b""}) as work, pytest.raises(BottleError, match="no such file or directory"):
        work.write_patch(tmp_path / "nowhere" / "work.patch")


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_work_is_that_of_one_archive_whatever_becomes_of_its_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """What is where in one archive says nothing of another: a bottle that is resumed, and ends, leaves a new one."""
    named, other = stage.root / "work.tar", stage.root / "other.tar"
    archive(other, {**START, "a": b"", "code.py": b"no"}, "workspace")

    def meanwhile(kept: KeptArchive, algorithm: str) -> work_import.Tree:
        tree = read_tree(kept, algorithm)
        if kept.part == "workspace":
            other.replace(named) if change == "replaced" else named.unlink()
        return tree

    read_tree = work_import.read_tree
    monkeypatch.setattr("bottle.adapters.workshop.read_tree", meanwhile)
    with stage.work({**START, "code.py": b"two\n"}) as work:
        assert [change.path for change in work.changes] == ["code.py"]
        work.make_branch(BRANCH)
    assert stage.git("show", f"{BRANCH}:code.py") == "two"


def test_work_that_was_forgotten_meanwhile_is_told(stage: Stage) -> None:
    comparing = stage.work(START)
    (stage.root / "base.tar").unlink()
    with pytest.raises(ConflictError, match="is not kept any more"), comparing:
        pass


def test_a_repository_that_it_did_not_begin_in_gets_no_branch(stage: Stage, tmp_path: Path) -> None:
    other = Git.at(tmp_path / "other")
    other("init", "--quiet")
    with (
        stage.work({**START, "new": b""}, into=other.folder) as work,
        pytest.raises(ConflictError, match="does not have the commit"),
    ):
        work.make_branch(BRANCH)


def test_what_git_ignores_stays_behind_unless_it_was_there_before(stage: Stage) -> None:
    base = {**START, "kept.log": b"1"}
    changed = {**base, "kept.log": b"2", "new.log": b"", "build/x/y": b"", "src/.gitignore": b"*.o\n", "src/a.o": b""}
    with stage.work(changed, base) as work:
        assert {change.path for change in work.changes} == {"kept.log", "src/.gitignore"}
        assert work.left_out == ["git ignores it: build/x/y, new.log, src/a.o"]


@pytest.mark.parametrize(
    "folder",
    [".git", ".GIT", "sub/.git", "sub/.Git", "git~1", ".git ", ".git.", ".g\N{ZERO WIDTH JOINER}it", ".git::$DATA"],
)
def test_nothing_that_git_would_take_for_its_own_comes_home(stage: Stage, folder: str, tmp_path: Path) -> None:
    """Settings of a repository run programs; hosts that fold names take other spellings for it, too."""
    marker = tmp_path / "ran"
    planted = {
        f"{folder}/config": f"[core]\n\tfsmonitor = touch {marker}\n".encode(),
        f"{folder}/hooks/post-checkout": b"",
    }
    with stage.work({**START, **planted, "new": b"1"}) as work:
        assert [change.path for change in work.changes] == ["new"]
        work.make_branch(BRANCH)
    stage.git("switch", "--quiet", BRANCH)
    stage.git("status")
    assert not marker.exists()


def test_attributes_and_filters_of_the_work_meet_nothing(stage: Stage, tmp_path: Path) -> None:
    """Even where this user's own settings have a filter and a diff program that the work could name."""
    marker = tmp_path / "ran"
    stage.git("config", "filter.evil.clean", f"touch {marker}")
    stage.git("config", "diff.evil.textconv", f"touch {marker}")
    stage.git("config", "diff.evil.command", f"touch {marker}")
    changed = {**START, ".gitattributes": b"* filter=evil diff=evil -text\n*.py -diff\n", "code.py": b"two\n"}
    with stage.work(changed) as work:
        assert "1 insertion(+), 1 deletion(-)" in work.stat.replace("3 insertions(+)", "1 insertion(+)")
        work.write_patch(tmp_path / "patch")
        work.make_branch(BRANCH)
    assert b"+two" in (tmp_path / "patch").read_bytes()  # nothing hides behind `-diff`
    assert not marker.exists()


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_that_the_repositorys_settings_name_is_run(trap: str, stage: Stage) -> None:
    trapped = Trapped.at(stage.git.folder, trap)
    for commit in ("", MISSING):
        with stage.work({**START, "code.py": b"two\n"}, commit=commit) as work, suppress(BottleError):
            work.make_branch(BRANCH)  # git refuses some of them
    assert not trapped.has_run


def test_a_submodule_stays_at_its_commit_and_changes_in_it_are_told(stage: Stage) -> None:
    commit = stage.git("rev-parse", "HEAD").strip()
    stage.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    stage.git("commit", "--quiet", "--message", "A submodule")
    base = {**START, "sub/file": b"1", "sub/same": b"1"}
    with stage.work({**base, "sub/file": b"2", "new": b""}, base) as work:
        assert [change.path for change in work.changes] == ["new"]
        assert work.left_out == ["in a submodule: sub/file"]
        work.make_branch(BRANCH)
    assert stage.git("ls-tree", BRANCH, "sub").split()[:3] == ["160000", "commit", commit]


def test_what_runs_by_itself_is_pointed_out(stage: Stage) -> None:
    changed: Things = {
        **START,
        "code.py": b"two\n",
        "run.sh": b"#!/bin/sh\n",
        "out": Link("../../etc/passwd"),
        ".vscode/tasks.json": b"",
        "deep/er/package.json": b"",
        "Deep/MAKEFILE": b"",
        "lib/HEAD": b"ref: refs/heads/x\n",
        "lib/config": b"",
    }
    with stage.work(changed) as work:
        looks = {change.path: change.look for change in work.changes if change.look}
    assert looks == {
        "run.sh": ("it became a program",),
        "out": ("it is a link to ../../etc/passwd", "it leads out of the tree"),
        ".vscode/tasks.json": ("an editor runs it",),
        "deep/er/package.json": ("a package manager runs it",),
        "Deep/MAKEFILE": ("a build runs it",),
        "lib/config": ("git takes its folder for a repository",),
    }


def test_a_branch_that_is_checked_out_is_not_moved(stage: Stage) -> None:
    with stage.work({**START, "new": b"1"}) as work:
        work.make_branch(BRANCH)
    stage.git("switch", "--quiet", BRANCH)
    with stage.work({**START, "new": b"2"}) as work, pytest.raises(BottleError, match="refusing to fetch into"):
        work.make_branch(BRANCH)
    assert (stage.git.folder / "new").read_bytes() == b"1"


def test_objects_of_the_other_kind_of_repository_are_named_as_it_names_them(stage: Stage, tmp_path: Path) -> None:
    git = Git.at(tmp_path / "sha256")
    git("init", "--quiet", "--object-format=sha256")
    (git.folder / "code.py").write_text("one\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    commit = git("rev-parse", "HEAD").strip()
    with stage.work({"code.py": b"two\n"}, {"code.py": b"one\n"}, git.folder, commit) as work:
        work.make_branch(BRANCH)
    assert git("log", "--format=%s", BRANCH).splitlines() == ["What coder-abc12 made of it", "Begin"]


def test_nothing_of_it_is_left(stage: Stage) -> None:
    with stage.work({**START, "secret-plan": b"1"}) as work:
        kept = {path.name for path in stage.root.iterdir()}
        assert list(stage.root.rglob("secret-plan")) == []  # contents are objects, never files
        assert work.changes
    left = {path.name for path in stage.root.iterdir()}
    assert [name.partition("-")[0] for name in kept - left] == ["scratch"]
    assert left < kept

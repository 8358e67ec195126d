"""A working tree is looked through with the real git: what goes in, what stays, and what is told."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.git_seeds import HostSeeds
from bottle.adapters.workspace import HostWorkspaces
from bottle.domain.errors import UsageError
from bottle.domain.workspace import Workspace
from tests.support.repository_traps import TRAPS, Trapped

WORKSPACES = HostWorkspaces(os.environ)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Sam", "-c", "user.email=sam@example.com", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with everything that there is in one."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text("build/\n*.log\n")
    write(root, "src/main.py", "tracked.log", "with space", "ünïcode")
    git(root, "add", "-fA")
    git(root, "commit", "-qm", "one")
    write(root, "new.py", "build/out.o", "debug.log", ".env", "deep/er/server.key", ".env.example")
    git(root, "remote", "add", "origin", "https://sam:hunter2@forge.example/p.git")
    return root


def files(workspace: Workspace) -> set[str]:
    return {entry for entry in workspace.tree.entries or () if not entry.startswith(".git/") and entry != ".git"}


def unpacked(workspace: Workspace, target: Path) -> Path:
    archive = b"".join(pack(Furniture(trees=(workspace.tree,))))
    target.mkdir(exist_ok=True)
    subprocess.run(
        ["tar", "--extract", "--no-same-owner", "--same-permissions", "--directory", target], input=archive, check=True
    )
    return target / workspace.tree.guest_path.lstrip("/")


def test_tracked_and_new_files_go_in_ignored_and_secret_ones_do_not(tree: Path) -> None:
    found = WORKSPACES.survey(str(tree))
    assert files(found) == {
        *(".gitignore", "src/main.py", "tracked.log", "with space", "ünïcode", "new.py", ".env.example"),
    }
    assert found.notes == (
        "not copied, for they may hold secrets (--include PATTERN copies them): .env, deep/er/server.key",
    )
    assert found.tree.size > 100


def test_the_copy_is_a_repository_in_the_same_state_without_the_login(tree: Path, tmp_path: Path) -> None:
    copy = unpacked(WORKSPACES.survey(str(tree)), tmp_path / "copy")
    assert git(copy, "log", "--format=%s").split() == ["one"]
    assert git(copy, "status", "--porcelain").splitlines() == ["?? .env.example", "?? new.py"]
    assert git(copy, "remote", "get-url", "origin").strip() == "https://forge.example/p.git"
    assert not [path for path in copy.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_what_is_asked_for_goes_in_nevertheless(tree: Path) -> None:
    found = files(WORKSPACES.survey(str(tree), ("build", ".env")))
    assert {"build/out.o", ".env"} <= found
    assert not {"debug.log", "deep/er/server.key"} & found


def test_a_tracked_secret_goes_in_as_it_does_with_the_history_and_is_told(tree: Path) -> None:
    git(tree, "add", "-f", ".env")
    found = WORKSPACES.survey(str(tree))
    assert ".env" in files(found)
    assert "copied although they may hold secrets, for git tracks them: .env" in found.notes


def test_a_directory_below_the_repositorys_top_goes_in_alone_and_follows_the_rules(tree: Path) -> None:
    write(tree, "src/trace.log", "src/build/x", "src/new")
    found = WORKSPACES.survey(str(tree / "src"))
    assert set(found.tree.entries or ()) == {"main.py", "new"}


def test_links_stay_links_and_what_is_neither_file_nor_folder_stays_behind(tree: Path, tmp_path: Path) -> None:
    (tree / "outside").symlink_to("/etc/passwd")
    (tree / "folder").symlink_to(tmp_path)
    os.mkfifo(tree / "pipe")
    copy = unpacked(WORKSPACES.survey(str(tree)), tmp_path / "copy")
    assert str((copy / "outside").readlink()) == "/etc/passwd"
    assert (copy / "folder").is_symlink()
    assert not (copy / "pipe").exists()


@pytest.mark.parametrize("way", ["a folder", "a folder above", "a submodule"])
def test_what_stands_behind_a_link_stays_on_the_host(way: str, tree: Path, tmp_path: Path) -> None:
    """An index says what it likes; the tree beside it has a link there, to what is nobody's but the operator's."""
    outside = tmp_path / "outside"
    write(outside, "deep/er/id_rsa")
    git(outside, "init", "-q")
    git(outside, "add", "-A")
    git(outside, "commit", "-qm", "private")
    if way == "a submodule":
        git(tree, "update-index", "--add", "--cacheinfo", f"160000,{git(outside, 'rev-parse', 'HEAD').strip()},in")
        (tree / "in").symlink_to(outside)
    else:
        write(tree, "in/deep/er/id_rsa")
        git(tree, "add", "-A", "in")
        moved = tree / "in" if way == "a folder above" else tree / "in/deep/er"
        moved.rename(tmp_path / "moved")
        moved.symlink_to(outside / str(moved.relative_to(tree / "in")))
    copy = unpacked(WORKSPACES.survey(str(tree)), tmp_path / "copy")
    assert [path for path in copy.rglob("*") if path.name == "id_rsa"] == []
    links = [path for path in copy.rglob("*") if path.is_symlink()]
    assert len(links) == (way != "a submodule"), "it is in the tree itself, but for a submodule"


def test_an_index_that_leads_out_of_its_tree_is_refused(tree: Path, tmp_path: Path) -> None:
    write(tmp_path, "private/id_rsa")
    write(tree, "aa/private/id_rsa")
    git(tree, "add", "aa/private/id_rsa")
    index = tree / ".git/index"
    forged = index.read_bytes()[:-20].replace(b"aa/private/", b"../private/")
    index.write_bytes(forged + hashlib.sha1(forged, usedforsecurity=False).digest())
    with pytest.raises(UsageError, match=r"names '\.\./private/id_rsa', which is no path in it"):
        WORKSPACES.survey(str(tree))


def test_a_submodule_goes_in_whole(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    write(other, "library.py")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "theirs")
    git(tree, "submodule", "--quiet", "add", str(other), "lib/other")
    write(tree, "lib/other/extra.py", "lib/other/.env")
    git(tree / "lib/other", "remote", "set-url", "origin", "https://sam:hunter2@forge.example/o.git")
    copy = unpacked(WORKSPACES.survey(str(tree)), tmp_path / "copy")
    assert git(copy / "lib/other", "log", "--format=%s").split() == ["theirs"]
    assert sorted(path.name for path in (copy / "lib/other").iterdir()) == [".git", "extra.py", "library.py"]
    assert not [path for path in copy.rglob("config") if b"hunter2" in path.read_bytes()]


def test_a_linked_worktree_goes_in_without_history_and_that_is_told(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", str(tmp_path / "linked"))
    found = WORKSPACES.survey(str(tmp_path / "linked"))
    assert ".git" not in (found.tree.entries or ())
    assert "src/main.py" in files(found)
    assert "its history does not" in found.notes[0]


@pytest.mark.parametrize("trap", TRAPS)
def test_no_trap_in_the_settings_is_sprung_by_looking_and_bundling(trap: str, tree: Path, tmp_path: Path) -> None:
    trapped = Trapped.at(tree, trap)
    WORKSPACES.survey(str(tree))
    HostSeeds(os.environ).plant(tree, tmp_path)
    assert not trapped.has_run


def test_nothing_that_the_repository_names_is_run(tree: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "core.editor"):
        git(tree, "config", key, str(script))
    git(tree, "config", "filter.trap.clean", str(script))
    trap.unlink(missing_ok=True)
    (tree / ".gitattributes").write_text("* filter=trap\n")
    found = WORKSPACES.survey(str(tree))
    assert "new.py" in files(found)
    assert not trap.exists()


def test_without_a_repository_everything_goes_in_but_secrets(tmp_path: Path) -> None:
    write(tmp_path, "a/b", ".env", "vendored/.git/config")
    (tmp_path / "empty").mkdir()
    found = WORKSPACES.survey(str(tmp_path))
    assert {"a/b", "empty"} <= files(found)
    assert ".env" not in files(found)
    assert "vendored/.git/config" in found.tree.replaced
    assert found.notes[-1] == "no git repository: everything in the directory is copied"


def test_a_repository_that_git_refuses_is_an_error_for_its_rules_would_be_ignored(tree: Path) -> None:
    (tree / ".git/HEAD").write_text("nonsense")
    with pytest.raises(UsageError, match="git cannot read"):
        WORKSPACES.survey(str(tree))


def test_a_repository_without_git_at_hand_is_an_error(tree: Path) -> None:
    with pytest.raises(UsageError, match="there is no git") as caught:
        HostWorkspaces({"PATH": "/nonexistent"}).survey(str(tree))
    assert "install git" in str(caught.value.hint)


def test_what_is_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no directory"):
        WORKSPACES.survey(str(tmp_path / "none"))


def test_a_giant_is_named_before_anything_is_copied(tree: Path) -> None:
    """A file of a disk's size that is hardly written yet costs its owner nothing, and a copy of it would never end."""
    (tree / "disk.img").touch()
    os.truncate(tree / "disk.img", 2 * 1024**3)
    assert any("full size" in note and "disk.img" in note for note in WORKSPACES.survey(str(tree)).notes)
    os.truncate(tree / "disk.img", 1024**4)
    with pytest.raises(UsageError, match="1024 GiB to copy, and 64 are the most") as refused:
        WORKSPACES.survey(str(tree))
    assert "disk.img" in str(refused.value.hint)


def test_repositories_in_each_other_without_end_are_told_of(tmp_path: Path) -> None:
    """Bare folders suffice for git to take each for a repository of its own."""
    for depth in range(66):
        folder = tmp_path.joinpath(*["x"] * depth)
        for name in ("objects", "refs"):
            (folder / ".git" / name).mkdir(parents=True)
        (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    with pytest.raises(UsageError, match="more than 64 repositories stand in each other"):
        WORKSPACES.survey(str(tmp_path))

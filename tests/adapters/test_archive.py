"""What goes into a box: owners, modes and contents as planned, links kept, never whole in memory."""

import inspect
import io
import os
import socket
import sys
import tarfile
from pathlib import Path

import pytest

from bottle.adapters.archive import EPOCH, Furniture, pack
from bottle.domain.errors import ProvisionError
from bottle.domain.provision import GUEST_HOME, ROOT, GuestDirectory, GuestFile, HostTree, Owner


def unpacked(furniture: Furniture) -> dict[str, tarfile.TarInfo]:
    packed = b"".join(pack(furniture))
    assert len(packed) % tarfile.BLOCKSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {"/" + member.name: member for member in archive}


def content(furniture: Furniture, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(furniture)))) as archive:
        file = archive.extractfile(path.lstrip("/"))
        assert file is not None
        return file.read()


def test_a_file_has_its_owner_mode_and_content() -> None:
    furniture = Furniture(files=(GuestFile("/etc/thing", b"hello", mode=0o640, owner=Owner(7, 8)),))
    [(path, member)] = unpacked(furniture).items()
    assert (path, member.mode, member.uid, member.gid, member.mtime) == ("/etc/thing", 0o640, 7, 8, EPOCH)
    assert content(furniture, path) == b"hello"


def test_parents_below_the_agents_home_are_the_agents_and_others_are_left_alone() -> None:
    members = unpacked(Furniture(files=(GuestFile(f"{GUEST_HOME}/a/b/c", b""), GuestFile("/etc/x/y", b"", owner=ROOT))))
    assert list(members) == [f"{GUEST_HOME}/a", f"{GUEST_HOME}/a/b", f"{GUEST_HOME}/a/b/c", "/etc/x/y"]
    assert members[f"{GUEST_HOME}/a"].isdir()
    assert members[f"{GUEST_HOME}/a"].uid == 1000


def test_a_planned_directory_keeps_its_mode_when_it_is_also_a_parent() -> None:
    furniture = Furniture(
        directories=(GuestDirectory(f"{GUEST_HOME}/.claude", 0o700),),
        files=(GuestFile(f"{GUEST_HOME}/.claude/settings.json", b"{}"),),
    )
    members = unpacked(furniture)
    assert len(members) == 2
    assert members[f"{GUEST_HOME}/.claude"].mode == 0o700


def test_a_tree_is_copied_with_its_links_and_without_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o4755)
    (tmp_path / "outside").symlink_to("/etc/passwd")
    (tmp_path / "folder-link").symlink_to(".git")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        members = unpacked(Furniture(trees=(HostTree(str(tmp_path), "/home/node/workspace"),)))
    base = "/home/node/workspace"
    assert set(members) == {base} | {
        f"{base}/{name}" for name in (".git", ".git/HEAD", "run.sh", "outside", "folder-link", "loop")
    }
    assert members[f"{base}/outside"].linkname == "/etc/passwd"
    assert members[f"{base}/folder-link"].issym()
    assert members[f"{base}/run.sh"].mode == 0o755, "a set-user bit does not come along"
    assert {member.uid for member in members.values()} == {1000}


def test_the_same_content_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("b", "a", "ü", "c"):
        (tmp_path / name).write_text(name)
    furniture = Furniture(trees=(HostTree(str(tmp_path), "/w"),), files=(GuestFile("/x", b"y"),))
    assert b"".join(pack(furniture)) == b"".join(pack(furniture))


def test_names_of_any_bytes_and_any_length_come_through(tmp_path: Path) -> None:
    odd = os.fsdecode(b"not-utf8-\xff\xfe")
    long = "/".join(["d" * 100] * 3)
    (tmp_path / odd).write_text("x")
    (tmp_path / long).mkdir(parents=True)
    (tmp_path / long / ("f" * 150)).write_text("deep")
    members = unpacked(Furniture(trees=(HostTree(str(tmp_path), "/w"),)))
    assert f"/w/{odd}" in members
    assert f"/w/{long}/{'f' * 150}" in members


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    furniture = Furniture(trees=(HostTree(str(tmp_path), "/w"),))
    largest = max(len(piece) for piece in pack(furniture))
    assert largest <= 1024 * 1024


def test_a_large_file_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(3 * 1024 * 1024)
    pieces = pack(Furniture(trees=(HostTree(str(tmp_path), "/w"),)))
    for piece in pieces:
        if len(piece) > 10_000:
            os.truncate(tmp_path / "large", 10)
            break
    with pytest.raises(ProvisionError, match="shrank"):
        list(pieces)


def test_a_tree_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="cannot be read"):
        list(pack(Furniture(trees=(HostTree(str(tmp_path / "absent"), "/w"),))))


def test_chosen_entries_alone_go_in_each_behind_its_folders(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o750)
    for name in ("a/b/wanted", "a/b/other", "a/left", "top"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a/left")
    entries = ("a/b/wanted", "gone/meanwhile", "link")
    members = unpacked(Furniture(trees=(HostTree(str(tmp_path), "/home/node/w", entries=entries),)))
    base = "/home/node/w"
    assert list(members) == [base, f"{base}/a", f"{base}/a/b", f"{base}/a/b/wanted", f"{base}/link"]
    assert members[f"{base}/a"].mode == 0o750
    assert members[f"{base}/link"].linkname == "a/left"


def test_a_replaced_file_has_its_new_content(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("secret")
    tree = HostTree(str(tmp_path), "/w", entries=("config",), replaced={"config": b"plain"})
    assert content(Furniture(trees=(tree,)), "/w/config") == b"plain"


def test_a_large_copy_says_how_far_it_has_come_and_a_small_one_nothing(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(70 * 1024 * 1024))
    said: list[str] = []
    for _ in pack(
        Furniture(trees=(HostTree(str(tmp_path), "/w", entries=("large",), size=70 * 1024**2),)), said.append
    ):
        pass
    assert said == ["copying: 64 of about 70 MiB"]
    for _ in pack(Furniture(files=(GuestFile("/x", bytes(70 * 1024 * 1024)),)), said.append):
        pass
    assert len(said) == 1


def test_a_tree_may_be_deeper_than_calls_may_be_nested(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder /= "x"
        folder.mkdir()
    (folder / "y").touch()
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 250)
    try:
        found = unpacked(Furniture(trees=(HostTree(str(tmp_path), f"{GUEST_HOME}/deep"),)))
    finally:
        sys.setrecursionlimit(before)
    assert list(found)[-1].endswith("/x/x/y")

"""Release, of what a hostile sidecar left in its directory."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bottle.adapters.state import StateFiles
from bottle.domain.errors import BottleError
from tests.support.kept import DEMO

SOMEBODY = 10001


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_release_follows_no_link(store: StateFiles, audit: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (audit / "file").symlink_to(tmp_path / "precious" / "file")
    (audit / "tree").symlink_to(tmp_path / "precious")
    (audit / "sub").mkdir()
    (audit / "sub" / "tree").symlink_to(tmp_path / "precious")
    store.release(DEMO.identity)
    assert (tmp_path / "precious" / "file").read_text() == "mine"
    assert store.identities() == []


def test_release_removes_a_link_in_place_of_the_state(root: Path, tmp_path: Path) -> None:
    root.mkdir(parents=True)
    (tmp_path / "precious").mkdir()
    (root / DEMO.identity).symlink_to(tmp_path / "precious")
    StateFiles(root).release(DEMO.identity)
    assert (tmp_path / "precious").is_dir()
    assert list(root.iterdir()) == []


def test_release_removes_a_tree_deeper_than_any_path(store: StateFiles, audit: Path) -> None:
    program = "import os\nfor _ in range(3000):\n    os.mkdir('d'); open('f', 'w').close(); os.chdir('d')"
    subprocess.run([sys.executable, "-c", program], cwd=audit, check=True)
    store.release(DEMO.identity)
    assert store.identities() == []


def test_release_removes_directories_that_shut_their_owner_out(store: StateFiles, audit: Path) -> None:
    (audit / "a" / "b").mkdir(parents=True)
    (audit / "a" / "b" / "file").write_text("x")
    (audit / ".removed-0").mkdir()
    (audit / "a" / "b").chmod(0)
    (audit / "a").chmod(0)
    assert _as_somebody(audit.parent.parent, store.release, DEMO.identity) is None
    assert not audit.exists()


def test_release_removes_files_of_another_user(store: StateFiles, audit: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    (audit / "audit.jsonl").write_text("x")
    os.chown(audit / "audit.jsonl", 12345, 12345)
    assert _as_somebody(audit.parent.parent, store.release, DEMO.identity) is None
    assert not audit.exists()


def test_what_will_not_go_is_an_error_and_stays_listed(store: StateFiles, audit: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    (audit / "theirs").mkdir()
    (audit / "theirs" / "file").write_text("x")
    (audit / "ours").write_text("x")
    for path in (audit / "theirs", audit / "theirs" / "file"):
        os.chown(path, 12345, 12345)
    problem = _as_somebody(audit.parent.parent, store.release, DEMO.identity)
    assert isinstance(problem, BottleError)
    assert f"sudo rm -rf -- {audit.parent}" in str(problem.hint)
    assert [path.name for path in audit.iterdir()] == ["theirs"]
    assert store.read(DEMO.identity) == DEMO
    store.release(DEMO.identity)
    assert store.identities() == []


def _as_somebody(root: Path, call: Callable[[str], object], identity: str) -> BaseException | None:
    """Calls as a user without privileges who owns everything below root that root owned; root ignores modes."""
    if os.geteuid() != 0:
        call(identity)
        return None
    for path in (root, *root.rglob("*")):
        if path.lstat().st_uid == 0:
            os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    modes = {path: mode(path) for path in root.parents}
    for path, before in modes.items():
        path.chmod(before | 0o011)  # the group too: it is still root's
    os.seteuid(SOMEBODY)
    try:
        call(identity)
    except BottleError as error:
        return error
    finally:
        os.seteuid(0)
        for path, before in modes.items():
            path.chmod(before)
    return None

"""What only files can get wrong: modes, races, crashes, and what a hostile sidecar leaves in its directory."""

import errno
import json
import multiprocessing
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.state import StateFiles
from bottle.adapters.state import metadata as codec
from bottle.adapters.state.trail import LONGEST_LINE
from bottle.domain.errors import BottleError, ConflictError
from bottle.domain.state import Event, Metadata

DEMO = Metadata("demo-abc12", "demo", "dev", "docker", "2026-01-01T00:00:00+00:00")
SOMEBODY = 10001


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state"


@pytest.fixture
def store(root: Path) -> StateFiles:
    store = StateFiles(root)
    store.claim(DEMO)
    return store


@pytest.fixture
def kept(root: Path, store: StateFiles) -> Path:
    return root / DEMO.identity


@pytest.fixture
def audit(store: StateFiles) -> Path:
    return store.audit_directory(DEMO.identity)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def lines(store: StateFiles) -> list[str]:
    return list(store.audit_lines(DEMO.identity))


# --- modes ---


def test_only_the_owner_can_look_in(store: StateFiles, root: Path, kept: Path) -> None:
    before = os.umask(0)
    try:
        store.record(Event(datetime(2026, 1, 1, tzinfo=UTC), DEMO.identity, "started", ""))
        store.keep_log(DEMO.identity, "sidecar.log", b"x")
        store.update(DEMO)
        with store.hold(DEMO.identity):
            pass
    finally:
        os.umask(before)
    assert [mode(path) for path in (root.parent, root, kept, kept / "logs")] == [0o700] * 4
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert {path.name: oct(mode(path)) for path in files} == {path.name: "0o600" for path in files}
    assert len(files) == 4


def test_a_root_that_was_open_is_closed(root: Path) -> None:
    root.mkdir(parents=True, mode=0o755)
    root.chmod(0o755)
    StateFiles(root).claim(DEMO)
    assert mode(root) == 0o700


def test_the_audit_directory_is_for_any_user_whatever_the_umask(store: StateFiles) -> None:
    before = os.umask(0o077)
    try:
        assert mode(store.audit_directory(DEMO.identity)) == 0o1777
    finally:
        os.umask(before)


# --- races and crashes ---


def _claim(root: Path, start: "multiprocessing.synchronize.Barrier") -> None:
    start.wait()
    try:
        StateFiles(root).claim(DEMO)
    except ConflictError:
        sys.exit(9)


def test_of_racing_processes_exactly_one_wins(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(6)
    processes = [context.Process(target=_claim, args=(root, start)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(process.exitcode or 0 for process in processes) == [0, 9, 9, 9, 9, 9]


def test_a_hold_ends_with_its_process_however_that_ends(store: StateFiles, root: Path) -> None:
    program = (
        "import sys, pathlib; from bottle.adapters.state import StateFiles\n"
        f"with StateFiles(pathlib.Path(sys.argv[1])).hold('{DEMO.identity}'): print('held', flush=True); input()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert store.held(DEMO.identity)
        with pytest.raises(ConflictError, match="tended by another process"), store.hold(DEMO.identity):
            pass
        process.kill()
        process.wait()
    assert not store.held(DEMO.identity)
    with store.hold(DEMO.identity):
        pass


def test_a_failed_write_leaves_the_metadata_as_it_was(
    store: StateFiles, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BottleError, match="no space left on device") as caught:
        store.update(evolve(DEMO, label="new"))
    assert caught.value.hint == "make room on the disk that holds `~/.bot-bottle`"
    assert type(caught.value) is BottleError
    monkeypatch.undo()
    assert store.read(DEMO.identity) == DEMO
    assert [path.name for path in kept.iterdir()] == ["metadata.json"]


def test_a_claim_that_could_not_be_written_is_no_claim(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    store = StateFiles(root)
    with pytest.raises(BottleError, match="cannot claim demo-abc12"):
        store.claim(DEMO)
    monkeypatch.undo()
    assert list(store.identities()) == []
    store.claim(DEMO)


def test_what_is_in_the_way_of_the_root_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    store = StateFiles(tmp_path / "home" / "state")
    with pytest.raises(BottleError) as caught:
        store.claim(DEMO)
    assert caught.value.hint


# --- metadata ---


def test_metadata_of_the_older_system_is_read(store: StateFiles, kept: Path) -> None:
    older = {
        "identity": "demo-abc12",
        "agent_name": "demo",
        "cwd": "/home/sam/project",
        "copy_cwd": True,
        "started_at": "2025-03-01T10:00:00+00:00",
        "compose_project": "bot-bottle-demo-abc12",
        "backend": "smolmachines",
    }
    (kept / "metadata.json").write_text(json.dumps(older))
    assert store.read(DEMO.identity) == Metadata(
        "demo-abc12", "demo", "", "smolmachines", "2025-03-01T10:00:00+00:00", cwd="/home/sam/project", copy_cwd=True
    )


def test_missing_keys_have_defaults_and_unknown_ones_are_passed_over(store: StateFiles, kept: Path) -> None:
    (kept / "metadata.json").write_text('{"version": 7, "mood": ["good"]}')
    assert store.read(DEMO.identity) == Metadata("demo-abc12", "", "", "docker", "", version=7)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("[" * 100_000, "no JSON"),
        ('{"label": 5}', "label: is no text"),
        ('{"label": null}', "label: is no text"),
        ('{"copy_cwd": "yes"}', "copy_cwd: is no true or false"),
        ('{"version": true}', "version: is no whole number"),
        ('{"exit_status": "0"}', "exit_status: is no whole number"),
        ('{"argv": "ls"}', "argv: is no list of texts"),
        ('{"argv": [1]}', "argv: is no list of texts"),
        ('{"backend": "chroot"}', "backend: is not known"),
        ('{"backend": ["docker"]}', "backend: is not known"),
        ('{"identity": "other-abc12"}', "about another identity"),
        (" " * 2_000_000, "larger than any metadata"),
    ],
)
def test_damage_is_a_conflict_that_names_the_file(store: StateFiles, kept: Path, content: str, complaint: str) -> None:
    (kept / "metadata.json").write_text(content)
    with pytest.raises(ConflictError, match=f"metadata.json: the metadata is damaged: .*{complaint}") as caught:
        store.read(DEMO.identity)
    assert str(kept) in str(caught.value)
    assert caught.value.hint == "`bottle cleanup demo-abc12` removes what is left of it"
    assert store.identities() == [DEMO.identity]


def test_damage_by_a_newer_version_says_so(store: StateFiles, kept: Path) -> None:
    (kept / "metadata.json").write_text('{"version": 2, "backend": "firecracker"}')
    with pytest.raises(ConflictError) as caught:
        store.read(DEMO.identity)
    assert "newer bottle" in str(caught.value.hint)


def test_missing_metadata_is_damage_not_absence(store: StateFiles, kept: Path) -> None:
    (kept / "metadata.json").unlink()
    with pytest.raises(ConflictError, match="the file is missing"):
        store.read(DEMO.identity)
    with pytest.raises(ConflictError):
        store.claim(DEMO)


def test_linked_metadata_is_damage(store: StateFiles, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes(codec.encode(DEMO))
    (kept / "metadata.json").unlink()
    (kept / "metadata.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ConflictError, match="no regular file"):
        store.read(DEMO.identity)


def test_only_directories_with_the_name_of_an_identity_count(store: StateFiles, root: Path, tmp_path: Path) -> None:
    (root / "not an identity").mkdir()
    (root / "file-abc12").write_text("")
    (root / "link-abc12").symlink_to(tmp_path)
    assert store.identities() == [DEMO.identity]


# --- the trail, written by somebody who means harm ---


@pytest.mark.parametrize("kind", ["link", "dangling", "directory", "fifo", "device"])
def test_a_trail_that_is_no_file_is_not_read(store: StateFiles, audit: Path, tmp_path: Path, kind: str) -> None:
    path = audit / "audit.jsonl"
    (tmp_path / "secret").write_text("host secret\n")
    if kind == "link":
        path.symlink_to(tmp_path / "secret")
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nothing")
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        pytest.skip("only root makes devices")
    with pytest.raises(ConflictError, match="no regular file") as caught:
        lines(store)
    assert "trust nothing" in str(caught.value.hint)


def test_a_huge_line_is_cut_and_the_next_one_is_whole(store: StateFiles, audit: Path) -> None:
    (audit / "audit.jsonl").write_bytes(b"a" * (LONGEST_LINE * 3) + b"\n" + b"next\n" + b"b" * LONGEST_LINE + b"\n")
    found = lines(store)
    assert found == ["a" * LONGEST_LINE + "…", "next", "b" * LONGEST_LINE]


def test_lines_are_safe_to_print(store: StateFiles, audit: Path) -> None:
    (audit / "audit.jsonl").write_bytes(b"\x1b]0;gone\x07\xff\xfe\r\x9b31m\xc2\x9b\xe2\x80\xa8\x00 fine\n\n\nlast")
    found = lines(store)
    assert found[1:] == ["last"]
    assert re.fullmatch(r"[\ufffd\]0;gonefi31m ]+", found[0])


@pytest.mark.parametrize(
    "line", ["{}", "[]", "7", '"x"', "null", '{"time": 5}', '{"time": "soon"}', "[" * 9999, "9" * 9999, "{", "nonsense"]
)
def test_a_line_without_a_time_keeps_its_place(store: StateFiles, audit: Path, line: str) -> None:
    first, last = '{"time": "2026-01-01T00:00:01Z"}', '{"time": "2026-01-01T00:00:03Z"}'
    (audit / "audit.jsonl").write_text(f"{first}\n{line}\n{last}\n")
    store.record(Event(datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC), DEMO.identity, "host", ""))
    found = lines(store)
    assert (found[0], found[1], found[3]) == (first, line, last)


def test_times_may_be_naive_early_late_or_go_back(store: StateFiles, audit: Path) -> None:
    times = ["0001-01-01T00:00:00+23:59", "2026-01-01", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00Z"]
    written = [json.dumps({"time": moment}) for moment in times]
    (audit / "audit.jsonl").write_text("\n".join(written))
    assert lines(store) == written


def rotate(path: Path) -> None:
    path.rename(path.with_suffix(".jsonl.1"))


@pytest.mark.parametrize("change", [rotate, Path.unlink, lambda path: os.truncate(path, 0)])
def test_following_goes_on_when_the_file_is_replaced(
    store: StateFiles, audit: Path, change: Callable[[Path], object]
) -> None:
    path = audit / "audit.jsonl"
    path.write_text("first line\nsecond line\n")
    found = iter(store.audit_lines(DEMO.identity, follow=True))
    assert [next(found), next(found)] == ["first line", "second line"]
    change(path)
    with path.open("a") as file:
        file.write("new\n")
    assert next(found) == "new"
    store.release(DEMO.identity)
    assert list(found) == []


def test_following_waits_for_the_end_of_a_line(store: StateFiles, audit: Path) -> None:
    path = audit / "audit.jsonl"
    path.write_text("one\nha")
    found = iter(store.audit_lines(DEMO.identity, follow=True))
    assert next(found) == "one"
    with path.open("a") as file:
        file.write("lf\n")
    assert next(found) == "half"


# --- release ---


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

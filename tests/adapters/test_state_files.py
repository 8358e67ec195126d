"""What only files can get wrong: modes, races, crashes and damaged metadata."""

import errno
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.state import StateFiles
from bottle.adapters.state import metadata as codec
from bottle.domain.errors import BottleError, ConflictError
from bottle.domain.state import Event, Metadata
from tests.support.kept import DEMO


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


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

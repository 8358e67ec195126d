"""What was taken out of a box, on this host's disk: whole or not at all, for the owner's eyes alone, never unpacked."""

import fcntl
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.state import StateFiles
from bottle.adapters.state.snapshots import SnapshotFiles
from bottle.domain import taken_out
from bottle.domain.errors import BackendError, BottleError, ConflictError, NotFoundError
from bottle.domain.provision import GuestFile
from bottle.domain.state import Metadata
from bottle.domain.taken_out import Limits

IDENTITY, ROOTS = "coder-abc12", (".sessions",)
Take = Callable[[bytes], None]


@pytest.fixture
def snapshots(tmp_path: Path) -> SnapshotFiles:
    StateFiles(tmp_path).claim(Metadata(IDENTITY, "coder", "claude", "docker", "2026-01-01T00:00:00+00:00"))
    return SnapshotFiles(tmp_path)


def pouring(*files: GuestFile) -> Callable[[Take], None]:
    def pour(take: Take) -> None:
        for piece in pack(Furniture(files=files)):
            take(piece)

    return pour


ONE = GuestFile("/.sessions/one", b"1")


def test_it_is_kept_for_the_owner_alone_and_found_again(snapshots: SnapshotFiles, tmp_path: Path) -> None:
    assert snapshots.find(IDENTITY, "transcript", ROOTS) is None
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    kept = snapshots.find(IDENTITY, "transcript", ROOTS)
    assert kept is not None
    assert kept.size == Path(kept.path).stat().st_size
    assert stat.S_IMODE(Path(kept.path).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(kept.path).parent.stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / IDENTITY / "snapshot").iterdir()] == ["transcript.tar"]


def _fails(take: Take) -> None:
    take(b"\0" * 512)
    raise BackendError("the box went away")


def _lies(take: Take) -> None:
    take(b"x" * 1024)


@pytest.mark.parametrize(
    ("pour", "error"),
    [
        (_fails, BackendError),
        (_lies, ConflictError),
        (pouring(GuestFile("/.ssh/authorized_keys", b"")), ConflictError),
        (pouring(GuestFile("/.sessions/big", bytes(20_000))), ConflictError),
    ],
)
def test_what_fails_leaves_what_was_there_before(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch, pour: Callable[[Take], None], error: type[Exception]
) -> None:
    monkeypatch.setitem(taken_out.LIMITS, "transcript", Limits(size=15_000))
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    kept = snapshots.find(IDENTITY, "transcript", ROOTS)
    assert kept is not None
    before = Path(kept.path).read_bytes()
    with pytest.raises(error):
        snapshots.keep(IDENTITY, "transcript", ROOTS, pour)
    assert [path.read_bytes() for path in Path(kept.path).parent.iterdir()] == [before]


def test_nothing_is_not_kept_in_place_of_something(snapshots: SnapshotFiles) -> None:
    """A box whose sessions are gone has nothing to put back; what came before is better than that."""
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring())
    assert snapshots.find(IDENTITY, "transcript", ROOTS) is None
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring())
    assert snapshots.find(IDENTITY, "transcript", ROOTS) is not None


@pytest.mark.parametrize("identity", ["coder-zzzzz", "../../etc", "coder-abc12/..", ""])
def test_nothing_is_kept_of_nobody(snapshots: SnapshotFiles, identity: str) -> None:
    with pytest.raises(NotFoundError):
        snapshots.keep(identity, "transcript", ROOTS, pouring(ONE))
    with pytest.raises(NotFoundError):
        snapshots.find(identity, "transcript", ROOTS)


def test_it_goes_with_the_bottle(snapshots: SnapshotFiles, tmp_path: Path) -> None:
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    StateFiles(tmp_path).release(IDENTITY)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_leaves_what_was_there(snapshots: SnapshotFiles) -> None:
    """A file that may not grow stands for the full disk: both refuse in the middle of the writing."""
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    kept = snapshots.find(IDENTITY, "transcript", ROOTS)
    assert kept is not None
    before = Path(kept.path).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, hard))
    try:
        with pytest.raises(BottleError, match="cannot keep the transcript of coder-abc12"):
            snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(GuestFile("/.sessions/big", bytes(3_000_000))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_bytes() for path in Path(kept.path).parent.iterdir()] == [before]


def test_what_was_abandoned_goes_and_what_is_being_written_stays(snapshots: SnapshotFiles, tmp_path: Path) -> None:
    """A launcher that was killed may leave gigabytes; two who take out something at once do not disturb each other."""
    directory = tmp_path / IDENTITY / "snapshot"
    directory.mkdir()
    (directory / ".transcript.killed").write_bytes(b"half")
    seen: list[list[str]] = []

    def meanwhile(take: Take) -> None:
        snapshots.keep(IDENTITY, "workspace", ("workspace",), pouring(GuestFile("/workspace/a", b"1")))
        seen.append(sorted(path.name.split(".")[1] for path in directory.glob(".*")))
        pouring(ONE)(take)

    snapshots.keep(IDENTITY, "transcript", ROOTS, meanwhile)
    assert seen == [["transcript"]]
    assert sorted(path.name for path in directory.iterdir()) == ["transcript.tar", "workspace.tar"]


def test_of_two_that_keep_at_once_neither_takes_the_others_file_for_abandoned(
    snapshots: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looks for such files just when the first has made its own and not locked it yet."""
    lock = fcntl.flock

    def late(file: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        snapshots.keep(IDENTITY, "base", ROOTS, pouring(ONE))
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    snapshots.keep(IDENTITY, "transcript", ROOTS, pouring(ONE))
    assert snapshots.find(IDENTITY, "transcript", ROOTS) is not None
    assert snapshots.find(IDENTITY, "base", ROOTS) is not None

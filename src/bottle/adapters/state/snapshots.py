"""What was taken out of boxes, in files of the state: one archive for each part, checked when it comes and whenever it
is read, and never unpacked: what an agent wrote is nowhere a directory that a program of this host might enter."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bottle.adapters import disk, tar_reader
from bottle.adapters.state.failures import failures
from bottle.domain.errors import ConflictError, NotFoundError
from bottle.domain.names import is_identity
from bottle.domain.taken_out import LIMITS, KeptArchive, Part

DIRECTORY = "snapshot"
_BUFFER = 1024 * 1024


class SnapshotFiles:
    """ports.Snapshots under `root` (`~/.bot-bottle/state`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(
        self, identity: str, part: Part, roots: Sequence[str], pour: Callable[[Callable[[bytes], None]], None]
    ) -> None:
        directory = self._directory(identity)
        with failures(f"cannot keep the {part} of {identity}"):
            disk.make_private(directory)
            _remove_abandoned(directory)
            with _temporary(directory, part) as (file, path):
                pour(_Bounded(file, LIMITS[part].size).write)
                file.flush()
                if tar_reader.count(file, roots, LIMITS[part]):
                    os.fsync(file.fileno())
                    path.replace(directory / f"{part}.tar")
                    disk.sync_directory(directory)

    def find(self, identity: str, part: Part, roots: Sequence[str]) -> KeptArchive | None:
        path = self._directory(identity) / f"{part}.tar"
        with failures(f"cannot look at {path}"):
            return KeptArchive(str(path), tuple(roots), part, path.stat().st_size) if path.is_file() else None

    def drop(self, identity: str, part: Part) -> None:
        path = self._directory(identity) / f"{part}.tar"
        with failures(f"cannot remove {path}"):
            path.unlink(missing_ok=True)

    def _directory(self, identity: str) -> Path:
        if not is_identity(identity) or not (self._root / identity).is_dir():
            raise NotFoundError(f"no bottle is called {identity!r}", hint="`bottle list --all` names them")
        return self._root / identity / DIRECTORY


class _Bounded:
    """Writes up to a number of bytes."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file, self._left = file, left

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise ConflictError("what came out of the box is more than is taken", hint="see docs/life.md for how much")
        self._file.write(data)


def _remove_abandoned(directory: Path) -> None:
    """The files of those who were killed while they wrote them: a file that somebody writes is locked."""
    for path in directory.glob(".*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # somebody else removed it, or it has its name
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


@contextmanager
def _temporary(directory: Path, part: Part) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file, locked; it is gone after the block unless it was given another name."""
    descriptor, name = _locked(directory, part)
    try:
        with open(descriptor, "w+b", buffering=_BUFFER) as file:  # noqa: PTH123 - it is open
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _locked(directory: Path, part: Part) -> tuple[int, str]:
    """A file that nobody took for abandoned before it was locked."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f".{part}.", dir=directory)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)

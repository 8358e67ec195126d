"""Folders in a bottle's state for a command's own work: each goes when that is done, and that of a command which was
killed with the next one's, or with the state."""

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bottle.adapters import disk
from bottle.adapters.state.failures import failures
from bottle.domain.errors import ConflictError

_PREFIX: Final = "scratch-"


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A new folder in a directory of a bottle's state, until the end of the block. Raises ConflictError where something
    else is in the directory's place, BottleError where there is no room."""
    if beside.is_symlink():
        raise ConflictError(f"{beside} is no directory", hint="something replaced it: trust nothing of this bottle")
    with failures(f"cannot work in {beside}"):
        _remove_abandoned(beside)
        folder, lock = _locked(beside)
    try:
        yield folder
    finally:
        try:
            with failures(f"cannot remove all of {folder}"):
                disk.remove_tree(folder)
        finally:
            os.close(lock)


def is_worked_in(directories: Iterable[Path]) -> bool:
    """Whether somebody works in a folder in one of them now."""
    return any(disk.is_locked(folder) for directory in directories for folder in _folders(directory))


def _remove_abandoned(directory: Path) -> None:
    """A folder in which somebody works is locked."""
    for folder in _folders(directory):
        with suppress(FileNotFoundError, BlockingIOError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                disk.remove_tree(folder)
            finally:
                os.close(lock)


def _locked(directory: Path) -> tuple[Path, int]:
    """A folder that nobody took for abandoned before it was locked, and the descriptor that locks it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=directory))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _folders(directory: Path) -> list[Path]:
    return [path for path in directory.glob(f"{_PREFIX}*") if path.is_dir() and not path.is_symlink()]

"""Files that survive a crash, and files that somebody else wrote.

A sidecar may have been taken over, and it writes into a directory of ours: what lies there is opened without following
links, only when it is a regular file, and removed without trusting its shape.
"""

import fcntl
import itertools
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not blocking: a FIFO must not hold us up
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class NotRegularError(OSError):
    """The path is a link, a directory, a pipe or a device where a file was expected."""


def make_private(directory: Path) -> None:
    """The directory and whatever is missing above it, for the owner alone; one that was open to others is closed."""
    for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        directory.chmod(0o700)


def write_whole(path: Path, content: bytes) -> None:
    """The file with this content (0600), or as it was before, even when the machine stops in between."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """What was renamed in it stays renamed, even when the machine stops."""
    with _opened(directory, _DIRECTORY) as descriptor:
        os.fsync(descriptor)


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock (flock(2)) of a file or a directory now; nobody holds one that is not there."""
    try:
        with _opened(path, os.O_RDONLY | os.O_CLOEXEC) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def append(path: Path, content: bytes) -> None:
    """Adds to the end of the file (0600 when new) in one write, so that two writers do not mix."""
    descriptor = os.open(path, _APPEND, 0o600)
    try:
        written = os.write(descriptor, content)
    finally:
        os.close(descriptor)
    if written < len(content):
        raise OSError(28, os.strerror(28), str(path))


def open_regular(path: Path) -> int:
    """A descriptor for reading. Raises NotRegularError for all that is no file of its own, FileNotFoundError."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if path.is_symlink():
            raise NotRegularError(error.errno, "is no regular file", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(0, "is no regular file", str(path))
    return descriptor


def read_regular(path: Path, limit: int) -> bytes:
    """The content, up to `limit` bytes and one more. Raises like `open_regular`."""
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read(limit + 1)


def tree_size(directory: Path) -> int:
    """Bytes of all regular files below, links not followed; what cannot be looked at does not count."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                status = os.lstat(f"{folder}/{name}")
            except OSError:
                continue
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def remove_tree(directory: Path) -> None:
    """Removes the directory and all below it; links are removed, not followed. Nothing happens when nothing is there.

    Goes through everything before it raises OSError for the first thing that would not go.
    """
    try:
        top = os.open(directory, _DIRECTORY)
    except FileNotFoundError:
        return
    try:
        failure = _empty(top)
    finally:
        os.close(top)
    if failure is not None:
        raise failure
    directory.rmdir()


def _empty(top: int) -> OSError | None:
    """Removes what is in the directory; returns the first failure. A subdirectory's own subdirectories are first moved
    up beside it, so that a tree as deep as a hostile writer likes needs neither recursion nor many descriptors."""
    failure: OSError | None = None
    numbers = itertools.count()
    refused: set[str] = set()
    while pending := [name for name in os.listdir(top) if name not in refused]:
        for name in pending:
            try:
                _remove_or_flatten(top, name, numbers)
            except OSError as error:
                failure = failure or error
                refused.add(name)
    return failure


def _remove_or_flatten(top: int, name: str, numbers: Iterator[int]) -> None:
    if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=top)
        return
    with _opened_for_emptying(top, name) as directory:
        for entry in os.listdir(directory):  # noqa: PTH208 (a descriptor has no path)
            if stat.S_ISDIR(os.stat(entry, dir_fd=directory, follow_symlinks=False).st_mode):
                _open_up(directory, entry)
                os.rename(entry, _free_name(top, numbers), src_dir_fd=directory, dst_dir_fd=top)
            else:
                os.unlink(entry, dir_fd=directory)
    os.rmdir(name, dir_fd=top)


def _free_name(top: int, numbers: Iterator[int]) -> str:
    """A name that is not taken: renaming onto an empty directory would succeed, onto a file fail."""
    for number in numbers:
        name = f".removed-{number}"
        try:
            os.stat(name, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            return name
    raise AssertionError("numbers do not end")


@contextmanager
def _opened_for_emptying(top: int, name: str) -> Iterator[int]:
    _open_up(top, name)
    with _opened(name, _DIRECTORY, dir_fd=top) as directory:
        yield directory


def _open_up(parent: int, name: str) -> None:
    """Gives us back a directory of our own whose mode shuts us out; somebody else's stays as it is and fails later."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if status.st_mode & 0o700 == 0o700 or status.st_uid != os.geteuid():
        return
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    with _opened(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent) as directory:
        Path(f"/proc/self/fd/{directory}").chmod(0o700)


@contextmanager
def _opened(path: Path | str, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

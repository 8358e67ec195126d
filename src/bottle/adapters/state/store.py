"""The state store in files: one directory for each identity, for the owner's eyes alone."""

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from attrs import frozen

from bottle.adapters import disk
from bottle.adapters.state import metadata as codec
from bottle.adapters.state import trail
from bottle.adapters.state.failures import failures
from bottle.adapters.state.scratch import is_worked_in
from bottle.adapters.state.segments import Segments
from bottle.adapters.state.snapshots import DIRECTORY as SNAPSHOTS
from bottle.adapters.state.tail import Tail
from bottle.domain.errors import ConflictError, NotFoundError
from bottle.domain.names import is_identity
from bottle.domain.state import Event, Metadata

METADATA = "metadata.json"
AUDIT = "egress"
SIDECARS = ("audit", "git")
"""What the trails of the sidecars are called: the way out's and the git gate's."""
LIFECYCLE = "lifecycle.jsonl"
LOGS = "logs"
LOCK = "lock"
END_BYTES = 256 * 1024
"""What `audit_end` begins with, of each file."""

_LOG_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_LOG_LIMIT = 64 * 1024 * 1024
_LOCK_TRIES = 20
_LOCK_SECONDS = 0.01


class StateFiles:
    """ports.StateStore under `root` (`~/.bot-bottle/state`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def claim(self, metadata: Metadata) -> None:
        directory = self._path(metadata.identity)
        with failures(f"cannot claim {metadata.identity}"):
            disk.make_private(self._root)
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:
                raise ConflictError(
                    f"the identity {metadata.identity} is taken", hint=f"`bottle cleanup {metadata.identity}` frees it"
                ) from None
            try:
                disk.write_whole(directory / METADATA, codec.encode(metadata))
            except BaseException:
                disk.remove_tree(directory)
                raise

    def update(self, metadata: Metadata) -> None:
        directory = self._claimed(metadata.identity)
        with failures(f"cannot write the metadata of {metadata.identity}"):
            disk.write_whole(directory / METADATA, codec.encode(metadata))

    def read(self, identity: str) -> Metadata:
        path = self._claimed(identity) / METADATA
        with failures(f"cannot read the metadata of {identity}"):
            try:
                content = disk.read_regular(path, codec.MAX_BYTES)
            except FileNotFoundError:
                raise codec.damaged(identity, str(path), "the file is missing") from None
            except disk.NotRegularError:
                raise codec.damaged(identity, str(path), "no regular file") from None
            return codec.decode(content, identity, str(path))

    def identities(self) -> Sequence[str]:
        with failures("cannot list the bottles"):
            try:
                entries = list(self._root.iterdir())
            except FileNotFoundError:
                return []
            return sorted(entry.name for entry in entries if is_identity(entry.name) and _is_directory(entry))

    def audit_directory(self, identity: str) -> Path:
        """A directory that the sidecar's user, whoever that is on this host, may write into; files there are best 0644.

        Mode 1777 is for everybody and yet for nobody else: the state above it is 0700, so only what has the directory
        itself mounted gets here. The sidecar's uid is the container's, or a subordinate one of the host's, so neither
        owner nor group fits. The sticky bit lets the owner of the directory, which is us, remove whatever lies in it
        and keeps the sidecar from what is not its own; the kernel also follows no link there (fs.protected_symlinks).
        """
        directory = self._claimed(identity) / AUDIT
        with failures(f"cannot make {directory}"):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o1777)  # after mkdir, whose mode the umask cuts
        return directory

    def audit_lines(self, identity: str, *, follow: bool = False) -> Iterable[str]:
        directory = self._claimed(identity)
        return _reported(trail.merged(_sources(directory), follow=follow, alive=directory.exists), identity)

    def audit_end(self, identity: str) -> "TrailEnd":
        sources = _sources(self._claimed(identity))
        with failures(f"cannot read the trail of {identity}"):
            for source in sources:
                source.skip(END_BYTES)
        return TrailEnd(identity, sources)

    @contextmanager
    def _locked(self, identity: str, path: Path, flags: int, taken: str, *, wait: bool = False) -> Iterator[None]:
        with failures(f"cannot lock {identity}"):
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if not _lock(descriptor, wait=wait):
                raise ConflictError(f"{identity} is {taken} by another process", hint="`bottle list` shows what runs")
            if not _is_at(descriptor, path):
                raise NotFoundError(f"{identity} was removed meanwhile")
            yield
        finally:
            os.close(descriptor)

    def hold(self, identity: str) -> AbstractContextManager[None]:
        path = self._claimed(identity) / LOCK
        with failures(f"cannot lock {identity}"):
            _take_away_what_is_no_file(path)
        return self._locked(identity, path, os.O_RDWR | os.O_CREAT, "tended")

    def ending(self, identity: str, *, wait: bool = False) -> AbstractContextManager[None]:
        # The directory itself: on a full disk, where no file can be made any more, a bottle must still end.
        return self._locked(identity, self._claimed(identity), os.O_RDONLY, "being ended", wait=wait)

    def held(self, identity: str) -> bool:
        with failures(f"cannot look at the lock of {identity}"):
            try:
                descriptor = os.open(self._path(identity) / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link, which nobody holds
                    return False
                raise
        try:
            # Shared, so that two who look do not see each other; `hold` tries again, so that it does not see us.
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def record(self, event: Event) -> None:
        path = self._claimed(event.identity) / LIFECYCLE
        with failures(f"cannot write the trail of {event.identity}"):
            disk.append(path, trail.event_line(event))

    def keep_log(self, identity: str, name: str, content: bytes) -> None:
        if _LOG_NAME.match(name) is None:
            raise ValueError(f"a log cannot be called {name!r}")
        directory = self._claimed(identity) / LOGS
        with failures(f"cannot keep the log {name} of {identity}"):
            directory.mkdir(mode=0o700, exist_ok=True)
            disk.write_whole(directory / name, content)

    def log(self, identity: str) -> bytes:
        directory = self._claimed(identity) / LOGS
        with failures(f"cannot read the logs of {identity}"):
            if not _is_directory(directory):
                return b""
            names = sorted(path for path in directory.iterdir() if _LOG_NAME.match(path.name))
            return b"".join(disk.read_regular(path, _LOG_LIMIT) for path in names)

    def size(self, identity: str) -> int:
        return disk.tree_size(self._claimed(identity))

    def release(self, identity: str) -> None:
        directory = self._path(identity)
        # Should something refuse to go, the identity stays readable, so that it is listed and can be released again.
        hint = f"something in it belongs to another user: `sudo rm -rf -- {directory}`"
        with failures(f"cannot remove all of {directory}", hint=hint):
            if directory.is_symlink():
                directory.unlink()
                return
            if is_worked_in((directory, directory / SNAPSHOTS)):
                raise ConflictError(f"{identity} is being exported, or an answer to it edited", hint="try again then")
            for part in filter(_is_directory, (directory / AUDIT, directory / LOGS)):
                disk.remove_tree(part)
            disk.remove_tree(directory)

    def _path(self, identity: str) -> Path:
        """Where the identity is kept. What is no identity names no bottle: a path in disguise least of all."""
        if not is_identity(identity):
            raise NotFoundError(f"no bottle is called {identity!r}", hint="`bottle list --all` names them")
        return self._root / identity

    def _claimed(self, identity: str) -> Path:
        directory = self._path(identity)
        with failures(f"cannot look at {directory}"):
            if not _is_directory(directory):
                raise NotFoundError(f"no bottle is called '{identity}'", hint="`bottle list --all` names them")
        return directory


@frozen
class TrailEnd:
    """ports.TrailEnd over files."""

    identity: str
    sources: Sequence[trail.Source]

    def added(self) -> Sequence[str]:
        with failures(f"cannot read the trail of {self.identity}"):
            return list(trail.added(self.sources))

    def close(self) -> None:
        for source in self.sources:
            source.close()


def _sources(directory: Path) -> Sequence[trail.Source]:
    """The host's own lines are kept outside of the sidecar's directory: what lies in there can be swapped."""
    return (Tail(directory / LIFECYCLE), *(Segments(directory / AUDIT, name) for name in SIDECARS))


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _take_away_what_is_no_file(path: Path) -> None:
    """Where a lock belongs; it is nobody's."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        disk.remove_tree(path)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Whether the lock is ours now; somebody who only looks at it is waited for, and with `wait` everybody."""
    if wait:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    for _ in range(_LOCK_TRIES):
        if _try_lock(descriptor, fcntl.LOCK_EX):
            return True
        time.sleep(_LOCK_SECONDS)
    return False


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the path still leads to the open file: a release may have come between open and lock."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _reported(lines: Iterator[str], identity: str) -> Iterator[str]:
    with failures(f"cannot read the trail of {identity}"):
        yield from lines

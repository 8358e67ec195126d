"""Where the sockets of running bottles lie: one short directory for each, which is gone when the bottle is.

Below `/tmp/bot-bottle-<uid>`, the user being the one that keepers run as: a socket's path may have 107 bytes and a home
may lie deep, every session of the user must find the same place, and one that goes at the end of a session would go
from under a bottle that was left running.
Whether a bottle runs is told by a lock of the kernel's, which its keeper holds and no crash leaves behind.
"""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from bottle.adapters import disk
from bottle.domain.errors import BackendError, ConflictError
from bottle.domain.names import is_identity

LOCK = "lock"
CONTROL = "control"
COMMANDS = "box"
LOG = "sidecar.log"
ENTRIES = (CONTROL, COMMANDS, LOG, f"{LOG}.1", LOCK)
_DOORS = "[0-9]*"
_PLACE = Path("/tmp")  # noqa: S108 - what is there is looked at before it is trusted
_OWNER_DIGITS = 8
_CLAIM_SECONDS = 2.0
_GLANCE = 0.005
_FROZEN = ("T", "t")  # proc(5)
_KEEPERS = (b"sidecars.keeper", b"sidecars.passage")
"""The programs that hold a bottle's lock."""


@frozen
class Runtime:
    """One bottle's directory."""

    path: Path

    @property
    def identity(self) -> str:
        return self.path.name

    @property
    def control(self) -> Path:
        """The keeper's socket."""
        return self.path / CONTROL

    @property
    def commands(self) -> Path:
        """The socket of the box's init."""
        return self.path / COMMANDS

    def door(self, port: int) -> Path:
        """The socket of the sidecar that the box finds at a port, where it has that socket mounted."""
        return self.path / str(port)

    def is_held(self) -> bool:
        """Whether a keeper lives."""
        return disk.is_locked(self.path / LOCK)

    def keeper(self) -> int | None:
        """The process that holds the lock, where it has said so and still is one of ours."""
        try:
            number = int((self.path / LOCK).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return number if is_keeper(number) and self.is_held() else None

    def is_frozen(self) -> bool:
        """Whether its keeper was stopped (SIGSTOP): it answers nobody until somebody lets it go on."""
        number = self.keeper()
        try:
            state = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state in _FROZEN

    def log(self) -> bytes:
        """What the sidecars said."""
        parts = (self.path / f"{LOG}.1", self.path / LOG)
        return b"".join(part.read_bytes() for part in parts if part.is_file())

    def remove(self) -> None:
        """Removes the directory of a bottle that runs no more, and with the last one those above.

        Raises BackendError for what would not go.
        """
        try:
            self.clear()
            self.path.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise BackendError(f"would not go: {self.path}: {error.strerror}") from error
        _prune(self.path.parent)

    def clear(self, *, keep: str = "") -> None:
        """Removes what lies in it, all but one. Raises OSError."""
        for path in (*(self.path / name for name in ENTRIES), *self.path.glob(_DOORS)):
            if path.name != keep:
                path.unlink(missing_ok=True)


def is_keeper(number: int) -> bool:
    """Whether a process of this number lives and is a keeper."""
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in command for name in _KEEPERS)


class Runtimes:
    """All of one owner's."""

    def __init__(self, owner: str, number: int | None = None, place: Path = _PLACE) -> None:
        """`number`: the user and group that keepers run as, where that is not this process's own."""
        self._base = place / f"bot-bottle-{os.getuid() if number is None else number}"
        self._root = self._base / hashlib.sha256(owner.encode()).hexdigest()[:_OWNER_DIGITS]
        self.number = number

    def of(self, identity: str) -> Runtime:
        """Raises BackendError where the place is not this user's alone: nobody there is to be spoken to."""
        self._require_ours()
        return Runtime(self._root / identity)

    def all(self) -> Sequence[Runtime]:
        """Every directory that is there, sorted by identity; in somebody else's place there are none."""
        try:
            self._require_ours()
            found = [Runtime(path) for path in sorted(self._root.iterdir()) if is_identity(path.name)]
        except (FileNotFoundError, BackendError):
            return []
        if not found:
            _prune(self._root)  # of a launcher that was killed as it began
        return found

    @contextmanager
    def claimed(self, identity: str) -> Iterator[tuple[Runtime, int]]:
        """An empty directory and the descriptor of its lock, which is held until every copy of it is closed.

        Raises ConflictError when a keeper holds it already, BackendError; whoever fails later removes it.
        """
        runtime = self.of(identity)
        try:
            lock = self._lock(runtime)
        except OSError as error:
            raise BackendError(f"cannot make {runtime.path}: {error.strerror}") from error
        try:
            runtime.clear(keep=LOCK)  # of a keeper that was killed
            yield runtime, lock
        finally:
            os.close(lock)

    def _lock(self, runtime: Runtime) -> int:
        """Raises OSError, ConflictError, BackendError. What others remove or look at meanwhile is tried again."""
        deadline = time.monotonic() + _CLAIM_SECONDS
        while time.monotonic() < deadline:
            try:
                self._make(runtime.path)
                lock = os.open(runtime.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except FileNotFoundError:  # the last of the other bottles has just ended
                time.sleep(_GLANCE)
                continue
            if self._is_taken(lock, runtime):
                return lock
            os.close(lock)
            if runtime.is_held():
                raise ConflictError(f"the name is taken: {runtime.identity}", hint="see `bottle list`")
            time.sleep(_GLANCE)
        raise BackendError(f"cannot make {runtime.path}: others use it")

    def _is_taken(self, lock: int, runtime: Runtime) -> bool:
        """Whether the lock is ours now, and still the one that others find."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._give(lock)
            return os.path.samestat(os.fstat(lock), (runtime.path / LOCK).stat())
        except (BlockingIOError, FileNotFoundError):
            return False

    def _make(self, path: Path) -> None:
        """The directories, which the keeper may empty and remove. Raises OSError, BackendError."""
        for folder in (self._base, self._root, path):
            try:
                folder.mkdir(mode=0o700)
                self._give(folder)
            except FileExistsError:
                pass
            if folder == self._base:
                self._require_ours()

    def _give(self, made: Path | int) -> None:
        if self.number is not None:
            os.chown(made, self.number, self.number)

    def _require_ours(self) -> None:
        """Where everybody may write to, somebody else may have been first. Raises BackendError."""
        try:
            status = self._base.lstat()
        except FileNotFoundError:
            return
        is_ours = status.st_uid in {os.getuid(), self.number} and not status.st_mode & 0o022
        if not stat.S_ISDIR(status.st_mode) or not is_ours:
            raise BackendError(
                f"{self._base} is not a directory of this user's alone", hint=f"look at it, and remove {self._base}"
            )


def _prune(root: Path) -> None:
    """Removes the directories above those of bottles, where there are none any more."""
    for folder in (root, root.parent):
        try:
            folder.rmdir()
        except OSError:
            return  # there are others

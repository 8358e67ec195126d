"""Where the sockets of running bottles lie: one short directory for each, which is gone when the bottle is.

`$XDG_RUNTIME_DIR/bot-bottle`, or `/tmp/bot-bottle-<uid>` where there is none: a socket's path may have 108 bytes, and a
home may lie deep. Whether a bottle runs is told by a lock of the kernel's, which its keeper holds and no crash leaves
behind.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from bottle.domain.errors import BackendError, ConflictError
from bottle.domain.names import is_identity

LOCK = "lock"
CONTROL = "control"
COMMANDS = "box"
LOG = "sidecar.log"
ENTRIES = (LOCK, CONTROL, COMMANDS, LOG, f"{LOG}.1")


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

    def is_held(self) -> bool:
        """Whether a keeper lives."""
        try:
            with (self.path / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def keeper(self) -> int | None:
        """The process that holds the lock, where it has said so and still is one of ours."""
        try:
            number = int((self.path / LOCK).read_text(encoding="ascii"))
            is_ours = b"sidecars.keeper" in Path(f"/proc/{number}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return number if is_ours and self.is_held() else None

    def log(self) -> bytes:
        """What the sidecars said."""
        parts = (self.path / f"{LOG}.1", self.path / LOG)
        return b"".join(part.read_bytes() for part in parts if part.is_file())

    def remove(self) -> None:
        """Removes the directory of a bottle that runs no more. Raises BackendError for what would not go."""
        try:
            for name in ENTRIES:
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise BackendError(f"would not go: {self.path}: {error.strerror}") from error


class Runtimes:
    """All of one owner's."""

    def __init__(self, owner: str, environ: Mapping[str, str], number: int | None = None) -> None:
        """`number`: the user and group that keepers run as, where that is not this process's own."""
        self._base = _base(environ, foreign=number is not None)
        self._root = self._base / hashlib.sha256(owner.encode()).hexdigest()[:12]
        self._number = number

    def of(self, identity: str) -> Runtime:
        return Runtime(self._root / identity)

    def all(self) -> Sequence[Runtime]:
        """Every directory that is there, sorted by identity."""
        if not self._root.is_dir():
            return []
        _require_ours(self._base)
        return [Runtime(path) for path in sorted(self._root.iterdir()) if is_identity(path.name)]

    @contextmanager
    def claimed(self, identity: str) -> Iterator[tuple[Runtime, int]]:
        """A fresh directory and the descriptor of its lock, which is held until every copy of it is closed.

        Raises ConflictError when the identity has one already; whoever fails later removes it.
        """
        runtime = self.of(identity)
        try:
            self._base.mkdir(mode=0o755 if self._number else 0o700, parents=True, exist_ok=True)
            _require_ours(self._base)
            self._own(self._root, exist_ok=True)
            self._own(runtime.path)
            lock = os.open(runtime.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise ConflictError(f"the name is taken: {identity}", hint="see `bottle list`") from None
        except OSError as error:
            raise BackendError(f"cannot make {runtime.path}: {error.strerror}") from error
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield runtime, lock
        finally:
            os.close(lock)

    def _own(self, path: Path, *, exist_ok: bool = False) -> None:
        """A directory that the keeper may empty and remove."""
        path.mkdir(mode=0o700, exist_ok=exist_ok)
        if self._number is not None:
            os.chown(path, self._number, self._number)


def _base(environ: Mapping[str, str], *, foreign: bool) -> Path:
    """A keeper of another number could not pass through the user's own runtime directory."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and not foreign and os.access(runtime, os.W_OK):
        return Path(runtime) / "bot-bottle"
    return Path(tempfile.gettempdir()) / f"bot-bottle-{os.getuid()}"


def _require_ours(path: Path) -> None:
    """In a directory that everybody may write to, somebody else may have been first. Raises BackendError."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise BackendError(f"{path} is not a directory of this user's alone", hint=f"look at it, and remove {path}")

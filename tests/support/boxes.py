"""What boxes without an engine leave on this host while they are there: processes, and directories with sockets."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from bottle.adapters.bubblewrap.ground import NOBODY
from bottle.adapters.bubblewrap.runtime import Runtimes

PROC = Path("/proc")
_PROGRAMS = (b"sidecars.keeper", b"sidecars.init", b"sidecars.egress", b"bwrap\0--args")


def runtimes(home: Path) -> Runtimes:
    """Where the bottles of this home, which is its owner's, have their sockets."""
    owner = home.stat().st_uid
    return Runtimes(f"{owner}:{home.resolve()}", owner or NOBODY)


def directories(home: Path) -> list[str]:
    """Those that are there: of each bottle, and the one above them."""
    root = _root(home)
    return [str(path) for path in (root, *root.glob("*")) if path.exists()]


def _root(home: Path) -> Path:
    return runtimes(home).of("any-00000").path.parent


def mounted(home: Path) -> list[str]:
    """Mounts and sockets of this host's, as the kernel lists them, that lie among this home's or its bottles' things:
    also those whose name is gone."""
    marks = (str(home.resolve()), str(_root(home)))
    lines = [line for table in ("mountinfo", "net/unix") for line in (PROC / "self" / table).read_text().splitlines()]
    return [line for line in lines if any(mark in line for mark in marks)]


def processes(home: Path, began: float) -> list[str]:
    """Keepers, boxes and sidecars of this home's bottles: they see its files, or their sockets are among its own.

    What a process that hides itself from this user sees cannot be told: it counts when it began after `began` (of the
    clock that starts with the system).
    """
    marks = (os.fsencode(home.resolve()), os.fsencode(_root(home)))
    return sorted(f"{number} {_what(line)}" for number, line in _candidates() if _belongs(number, marks, began))


def _candidates() -> Iterator[tuple[int, bytes]]:
    for directory in PROC.glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if any(program in line for program in _PROGRAMS):
            yield int(directory.name), line


def _what(line: bytes) -> str:
    return next(program for program in _PROGRAMS if program in line).decode().replace("\0", " ")


def _belongs(number: int, marks: tuple[bytes, ...], began: float) -> bool:
    try:
        seen = (PROC / str(number) / "mountinfo").read_bytes() + b" ".join(_open_files(number))
    except PermissionError:
        return _age(number) >= began
    except OSError:
        return False
    return any(mark in seen for mark in marks)


def _open_files(number: int) -> Iterator[bytes]:
    for link in (PROC / str(number) / "fd").iterdir():
        try:
            yield os.fsencode(link.readlink())
        except FileNotFoundError:
            continue


def _age(number: int) -> float:
    """When the process began."""
    try:
        fields = (PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


@frozen
class Parts:
    """The processes of one running bottle: its keeper, and of box and sidecar bwrap's monitor and what it monitors."""

    keeper: int
    box: tuple[int, int]
    egress: tuple[int, int]

    @classmethod
    def of(cls, home: Path, identity: str) -> "Parts":
        keeper = runtimes(home).of(identity).keeper()
        assert keeper is not None, f"{identity} has no keeper"
        monitors = {_command(child): child for child in children(keeper)}
        found = {name: next(monitors[line] for line in monitors if name in line) for name in (b"init", b"egress")}
        pairs = {name: (monitor, children(monitor)[0]) for name, monitor in found.items()}
        return cls(keeper, pairs[b"init"], pairs[b"egress"])

    @property
    def all(self) -> tuple[int, ...]:
        return (self.keeper, *self.box, *self.egress)


def children(process: int) -> list[int]:
    return [int(child) for child in (PROC / f"{process}/task/{process}/children").read_text().split()]


def is_alive(process: int) -> bool:
    """Whether it runs; a corpse does not."""
    try:
        return (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def wait_until(holds: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _command(process: int) -> bytes:
    return (PROC / str(process) / "cmdline").read_bytes()

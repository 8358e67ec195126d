"""A bottle of the bubblewrap backend seen from outside: its processes and their files, by /proc."""

import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from attrs import evolve, field, frozen

from bottle.adapters.bubblewrap import ground
from bottle.adapters.bubblewrap.ground import Unfit
from tests.support.token_hunt import CHUNK, Hunt
from tests.support.views import Place

PROC = Path("/proc")
# The host's own, mounted read-only, and the kernel's: nothing of a bottle's is kept there.
NOT_THE_BOX = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/proc", "/dev", "/run/bottle/python"),
)
IN_MEMORY = "/dev/shm"
LOOPBACK = "127.0.0.1"
GRACE = 1
"""Seconds that the kernel may need to take a killed process apart."""


@frozen
class Process:
    """One that this host sees."""

    number: int

    @property
    def at(self) -> Path:
        return PROC / str(self.number)

    def read(self, name: str) -> bytes:
        """A file of the process's; empty when it has ended or is not ours to look at."""
        try:
            return (self.at / name).read_bytes()
        except OSError:
            return b""

    @property
    def trace(self) -> str:
        """Tells it from a later one with the same number; empty once it has ended, reaped or not."""
        fields = self._stat
        return f"process {self.number} since {fields[19]}" if fields and fields[0] not in "ZX" else ""

    @property
    def parent(self) -> int:
        fields = self._stat
        return int(fields[1]) if fields else 0

    @property
    def namespace(self) -> str:
        """Which processes it sees."""
        try:
            return str((self.at / "ns/pid").readlink())
        except OSError:
            return ""

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its namespace."""
        line = next((one for one in self.read("status").splitlines() if one.startswith(b"NSpid:")), b"")
        return line.split()[-1:] == [b"1"]

    @property
    def is_open(self) -> bool:
        """Whether its environment, which may be empty, can be read."""
        try:
            (self.at / "environ").read_bytes()
        except OSError:
            return False
        return True

    @property
    def hostname(self) -> str:
        return self.read("root/etc/hostname").decode(errors="replace").strip()

    @property
    def _stat(self) -> list[str]:
        """The fields behind the name, which may hold anything: state, parent, ..."""
        return self.read("stat").decode(errors="replace").rpartition(") ")[2].split()


@frozen
class NamespaceViews:
    """What one user sees of the bottles that are started with `env`."""

    env: Mapping[str, str] = field(factory=dict, repr=False)
    backend: str = "bubblewrap"
    ordinary: str = "an ordinary process"
    shown: str = "argument lists, mount tables, runtime directory"
    nothing: str = "process, mount, runtime directory"
    certain: str = "sidecars.keeper"

    def within(self, env: Mapping[str, str]) -> Self:
        return evolve(self, env=env)

    def place(self) -> Place:
        return Place(LOOPBACK, LOOPBACK)  # the way out is a process of this host

    def require_reachable(self, place: Place, port: int) -> None:
        socket.create_connection((place.connect, port), timeout=60).close()

    def is_running(self, identity: str) -> bool:
        return self._keeper(identity) is not None

    def gateways(self, identity: str) -> Sequence[str]:
        return ()

    def traces(self, identity: str) -> tuple[str, ...]:
        return tuple(process.trace for process in self._family(identity))

    def remains(self, identity: str, traces: Iterable[str] = ()) -> tuple[str, ...]:
        known = set(traces)
        deadline = time.monotonic() + GRACE
        while alive := [f"process {one.number}" for one in _all() if one.trace in known or _belongs(one, identity)]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        mounts = [f"mount: {line}" for line in _mounted(Path("/proc/self/mountinfo")) if identity in line]
        return (*(str(path) for path in self._directories(identity)), *alive, *mounts)

    def inspected(self, identity: str, hunt: Hunt) -> tuple[str, ...]:
        found = [f"{path}" for directory in self._directories(identity) for path in hunt.in_files(directory)]
        for process in self._family(identity):
            for name in ("cmdline", "comm", "status", "mountinfo"):
                found += [f"{name} of process {process.number}"] * bool(hunt.in_bytes(process.read(name)))
        return tuple(found)

    def processes(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """Bottle's own programs let nobody look; only root sees more of them than their arguments."""
        family = self._family(identity)
        box = self._box(identity)
        first = [one for one in family if one.is_first]
        if len(first) < 2 or not all(one.read("cmdline") and (one.is_open or os.getuid()) for one in first):
            raise AssertionError(f"{identity}: its processes could not be read")
        found = []
        for one in family:
            whose = "the box" if one.namespace == box.namespace else f"the host's side ({one.number})"
            read = one.read("environ") + b"\0" + one.read("cmdline")
            found += [f"processes of {whose} ({form})" for form in hunt.in_bytes(read)]
        return tuple(found), len(family)

    def files(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        root = self._box(identity).at / "root"
        mounted = {line.split()[4] for line in _mounted(self._box(identity).at / "mountinfo")}
        found: list[str] = []
        size = 0
        for path in _paths(root, mounted):
            inside = f"/{path.relative_to(root)}"
            try:
                status = path.lstat()
                names = inside + (str(path.readlink()) if stat.S_ISLNK(status.st_mode) else "")
                found += [f"{inside} (name, {form})" for form in hunt.in_bytes(names.encode(errors="surrogateescape"))]
                if stat.S_ISREG(status.st_mode):
                    with path.open("rb") as stream:
                        found += [f"{inside} ({form})" for form in hunt.in_stream(_chunks(stream))]
                        size += status.st_size
            except FileNotFoundError:
                continue
        return tuple(found), size

    def probe_beside(self, identity: str, argv: Sequence[str]) -> bytes:
        done = subprocess.run(list(argv), capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"{argv[0]} on this host: {done.stderr.decode(errors='replace')[-300:]}")
        return done.stdout

    def close(self) -> None:
        """Nothing is held."""

    def _directories(self, identity: str) -> list[Path]:
        """The bottle's runtime directory, wherever it may lie (adapters/bubblewrap/runtime.py)."""
        return list(Path("/tmp").glob(f"bot-bottle-*/*/{identity}"))

    def _keeper(self, identity: str) -> Process | None:
        for directory in self._directories(identity):
            try:
                process = Process(int((directory / "lock").read_text()))
            except (OSError, ValueError):
                continue
            if b"sidecars.keeper" in process.read("cmdline"):
                return process
        return None

    def _family(self, identity: str) -> list[Process]:
        """The keeper and all that descend from it. Raises AssertionError when there is none."""
        keeper = self._keeper(identity)
        if keeper is None:
            raise AssertionError(f"{identity} does not run")
        children: dict[int, list[Process]] = {}
        for process in _all():
            children.setdefault(process.parent, []).append(process)
        found = [keeper]
        for process in found:  # grows meanwhile
            found += children.get(process.number, [])
        return found

    def _box(self, identity: str) -> Process:
        """The first process of the agent's box."""
        for process in self._family(identity):
            if process.is_first and process.hostname == identity:
                return process
        raise AssertionError(f"{identity} has no box")


def namespaces() -> NamespaceViews | str:
    """The views, or why this host can make no box of namespaces."""
    found = ground.survey(os.environ)
    return f"{found.reason}; {found.hint}" if isinstance(found, Unfit) else NamespaceViews()


def _all() -> Iterator[Process]:
    return (Process(int(path.name)) for path in PROC.glob("[0-9]*"))


def _belongs(process: Process, identity: str) -> bool:
    """A process in the box is in the bottle's own file system; a sidecar has the bottle's state mounted."""
    return process.hostname == identity or identity.encode() in process.read("mountinfo")


def _mounted(table: Path) -> list[str]:
    return table.read_text(errors="surrogateescape").splitlines()


def _paths(root: Path, mounted: Iterable[str]) -> Iterator[Path]:
    """Everything in the box but what is the host's or the kernel's."""
    ours = [place for place in mounted if place.startswith(IN_MEMORY) or not _is_below(place, NOT_THE_BOX)]
    for place in ours:
        top = root / place.lstrip("/")
        yield top
        for folder, folders, files in os.walk(top):
            inside = Path("/", Path(folder).relative_to(root))
            folders[:] = [name for name in folders if str(inside / name) not in mounted]
            yield from (Path(folder, name) for name in (*folders, *files) if str(inside / name) not in mounted)


def _is_below(place: str, tops: Iterable[str]) -> bool:
    return any(Path(place).is_relative_to(top) for top in tops)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk

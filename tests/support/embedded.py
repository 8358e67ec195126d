"""What the host sees of a bottle that is made of namespaces: its processes, by what they are for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from bottle.adapters.bubblewrap.bottle import BubblewrapBottle
from bottle.app.ports import Bottle

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


@frozen
class Processes:
    """Process numbers of the host's. `box` and `way_out` are the first processes in their namespaces."""

    keeper: int
    monitors: tuple[int, ...]
    box: int
    way_out: int

    @property
    def all(self) -> tuple[int, ...]:
        return (self.keeper, *self.monitors, self.box, self.way_out)


def runtime_of(bottle: Bottle) -> Path:
    """The directory of its sockets."""
    assert isinstance(bottle, BubblewrapBottle)
    return bottle.runtime.path


def processes_of(bottle: Bottle) -> Processes:
    assert isinstance(bottle, BubblewrapBottle)
    keeper = bottle.runtime.keeper()
    assert keeper is not None
    monitors = tuple(_children(keeper))
    first = {_kind(process): process for monitor in monitors for process in _children(monitor)}
    return Processes(keeper, monitors, first["box"], first["egress"])


def as_root() -> None:
    """Skips where this process may not look into those of a bottle: they keep themselves from their own user too."""
    if os.getuid() != 0:
        pytest.skip("only root looks into these processes")


def namespace(process: int, kind: str) -> str:
    """A name that is the same for two processes in the same namespace."""
    return str(Path(f"/proc/{process}/ns/{kind}").readlink())


def command_lines() -> dict[int, bytes]:
    """Of every process on this host but this one."""
    return {process: line for process in _processes() if (line := _read(Path(f"/proc/{process}/cmdline")))}


def environments() -> dict[int, bytes]:
    """Likewise; empty where the process keeps it to itself."""
    return {process: _read(Path(f"/proc/{process}/environ")) for process in _processes()}


def _processes() -> list[int]:
    found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return [process for process in found if process != os.getpid()]


def _children(process: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process}/task").iterdir():
        yield from (int(word) for word in (thread / "children").read_text().split())


def _kind(process: int) -> str:
    return "egress" if b"sidecars.egress" in _read(Path(f"/proc/{process}/cmdline")) else "box"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

"""Limits by the kernel's control groups, where a systemd manages those of version 2 for this user."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from bottle.adapters import process
from bottle.domain.manifest import Resources

ROOT = Path("/sys/fs/cgroup")
_SYSTEMD = Path("/run/systemd/system")
_ENV = "/usr/bin/env"
_NEEDED = frozenset({"memory", "pids"})
_SPARES_THE_REST = 253
"""From this systemd on a scope may outlive one of its processes that the kernel killed for its memory."""

_ANSWER_SECONDS = 5.0
_FOR_SIDECARS = 256 * 1024**2
_TASKS_OF_SIDECARS = 64


@frozen
class ControlGroups:
    """How one is had: the words of systemd-run, the controllers that are given to this user, systemd's version."""

    words: tuple[str, ...]
    controllers: frozenset[str]
    version: int

    @property
    def spare_the_rest(self) -> bool:
        """Whether who takes too much memory dies alone; elsewhere systemd ends all that is in the group."""
        return self.version >= _SPARES_THE_REST

    @property
    def limits(self) -> str:
        """What they hold, in words."""
        return "memory, processes, processor time" if "cpu" in self.controllers else "memory, processes"

    def around(self, resources: Resources) -> list[str]:
        """The words before a command that hold it, and all that it starts, to the limits. It gets no environment.

        The sidecars are in the group too, so it is given a little more than the box may have.
        """
        limits = {
            "MemoryMax": resources.memory + _FOR_SIDECARS,
            "MemorySwapMax": 0,
            "TasksMax": resources.pids + _TASKS_OF_SIDECARS,
            "CPUQuota": f"{resources.cpus * 100:.0f}%",
            **({"OOMPolicy": "continue"} if self.spare_the_rest else {}),
        }
        properties = [word for name, value in limits.items() for word in ("--property", f"{name}={value}")]
        return [*self.words, "--quiet", "--collect", *properties, "--", _ENV, "-i"]


def found(environ: Mapping[str, str]) -> ControlGroups | None:
    """Those of the system for root, else those that the user's own systemd was given; None where there are none."""
    program = shutil.which("systemd-run", path=environ.get("PATH", os.defpath))
    if program is None or not _SYSTEMD.is_dir():
        return None
    number = os.geteuid()
    if number == 0:
        return _given(ROOT, program, (program, "--scope"))
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if not runtime or not Path(runtime, "systemd/private").exists():
        return None
    # A variable alone tells systemd-run where the user's systemd listens.
    words = (_ENV, f"XDG_RUNTIME_DIR={runtime}", program, "--user", "--scope")
    return _given(ROOT / f"user.slice/user-{number}.slice/user@{number}.service", program, words)


def _given(group: Path, program: str, words: tuple[str, ...]) -> ControlGroups | None:
    controllers = _controllers(group)
    return ControlGroups(words, controllers, _version(program)) if controllers >= _NEEDED else None


def _controllers(group: Path) -> frozenset[str]:
    try:
        return frozenset((group / "cgroup.controllers").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return frozenset()  # version 1, or nobody's


def _version(program: str) -> int:
    """0 where it does not say."""
    try:
        said = process.run([program, "--version"], timeout=_ANSWER_SECONDS).stdout
    except (OSError, TimeoutError):
        return 0
    match = re.match(rb"systemd (\d+)", said)
    return int(match[1]) if match else 0

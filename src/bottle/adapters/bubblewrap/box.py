"""The agent's box: what it sees, what it may write to, and what is in its /etc."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from bottle.adapters.bubblewrap import interpreter, java_network, sandbox
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.bubblewrap.tools import GUEST_BIN, Tool
from bottle.domain.environment import Verbatim
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_HOME, GuestFile

if TYPE_CHECKING:  # it reads certificates, for which `bottle list` does not wait
    from bottle.adapters.bubblewrap.trust import Stores

USER = "node"
NUMBER = 1000
PATH = f"{GUEST_HOME}/.local/bin:{GUEST_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MEBIBYTE = 1024**2
_HOSTNAME_MAX = 63
# Those whose content is the host's, or files of ours.
_DIRECTORIES = (
    *("/etc", "/etc/ca-certificates", "/etc/pki", "/etc/ssl", "/etc/ssl/certs", "/home"),
    *("/opt", "/opt/bottle", GUEST_BIN, "/run", "/run/bottle", "/run/bottle/lib", "/var"),
)
_SERVICES = ("egress", "pipelock", "git-gate", "supervise")


@frozen
class Doors:
    """Descriptors that the box's init gets: where commands arrive, and where it hands its listening sockets to."""

    commands: int
    ports: Mapping[int, int]


def program(
    plan: BottlePlan, tool: Tool, roots: "Stores", doors: Doors, ground: Ground, held: Descriptors
) -> dict[str, object]:
    """What the keeper is told of the box. `roots` says which authorities the box trusts."""
    info = held.placeholder()
    files = {**_etc(plan.identity), **roots.box, **java_network.settings(plan.proxy), **_fixed(plan)}
    given = {path: held.content("file", content) for path, content in files.items()}
    seccomp = held.content("seccomp", box_filter(ground.machine))
    arguments = [
        *sandbox.ALONE,
        *sandbox.NO_NETWORK,
        *("--uid", str(NUMBER), "--gid", str(NUMBER), "--hostname", hostname(plan.identity)),
        *("--info-fd", str(info), "--seccomp", str(seccomp)),
        *sandbox.directories(_DIRECTORIES),
        *sandbox.system(),
        *sandbox.binds(tool.binds),
        *sandbox.links({f"{GUEST_BIN}/{name}": target for name, target in tool.links}),
        *sandbox.binds(interpreter.binds("init", "probe")),
        *sandbox.covered(interpreter.hidden()),
        *sandbox.processes(),
        *("--dev", "/dev"),
        *_writable(plan.resources.memory),
        *sandbox.contents(given),
        *sandbox.links({"/var/tmp": "/tmp", "/var/run": "/run", **roots.links}),  # noqa: S108 - inside the box
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", GUEST_HOME),
        *sandbox.variables(interpreter.environment()),
    ]
    config = {
        "commands": doors.commands,
        "doors": [{"port": port, "fd": descriptor} for port, descriptor in doors.ports.items()],
        "directory": plan.workdir,
        "processes": plan.resources.pids,
    }
    listed = held.content("arguments", sandbox.packed(arguments))
    init = interpreter.command("sidecars.init.main", json.dumps(config))
    return {
        "name": "box",
        "argv": [
            ground.bwrap,
            "--args",
            str(listed),
            "--",
            *init,
        ],
        "descriptors": [info, seccomp, listed, doors.commands, *doors.ports.values(), *given.values()],
        "info": info,
        "environment": {},
    }


def environment(plan: BottlePlan, values: Mapping[str, str]) -> dict[str, str]:
    """The agent's whole environment: what stands in the plan, and `values` for the rest."""
    own = {"PATH": PATH, "HOME": GUEST_HOME, "USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh", "LANG": "C.UTF-8"}
    planned = {item.name: item.entry.value for item in plan.env if isinstance(item.entry, Verbatim)}
    return {**own, **planned, **values}


def furniture(plan: BottlePlan) -> tuple[GuestFile, ...]:
    """The files that the agent may change: those in its home."""
    return tuple(file for file in plan.files if _is_at_home(file))


def hostname(identity: str) -> str:
    return identity if len(identity) <= _HOSTNAME_MAX else "bottle"


def _fixed(plan: BottlePlan) -> dict[str, bytes]:
    """The files outside the agent's home, which nobody in the box may change."""
    return {file.path: file.content for file in plan.files if not _is_at_home(file)}


def _is_at_home(file: GuestFile) -> bool:
    return file.path.startswith(f"{GUEST_HOME}/")


def _writable(memory: int) -> list[str]:
    """All that can be written to, in memory alone: nothing of it outlives the box, wherever that ends."""
    return [
        *sandbox.scratch("/tmp", memory // 2, 0o1777),  # noqa: S108 - inside the box
        *sandbox.scratch("/dev/shm", 256 * _MEBIBYTE, 0o1777),  # noqa: S108
        *sandbox.scratch(GUEST_HOME, memory, 0o755),
    ]


def _etc(identity: str) -> dict[str, bytes]:
    """Who lives here, and what is called how."""
    name = hostname(identity)
    texts = {
        "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n{USER}:x:{NUMBER}:{NUMBER}::{GUEST_HOME}:/bin/sh\n",
        "group": f"root:x:0:\n{USER}:x:{NUMBER}:\n",
        "hosts": f"127.0.0.1 localhost {name} {' '.join(_SERVICES)}\n::1 localhost\n",
        "hostname": f"{name}\n",
        # Nobody answers there: a lookup fails at once, and the proxy needs none.
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    }
    return {f"/etc/{path}": text.encode() for path, text in texts.items()}

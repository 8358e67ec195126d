"""What goes into a machine before the agent: the plan's furniture, the roots that it trusts, and bottle's programs."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.build_context import sources
from bottle.adapters.smolmachines.conversation import GUEST_LIBRARY
from bottle.adapters.trusted import trusted
from bottle.app.ports import Progress
from bottle.domain.environment import Verbatim
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_HOME, ROOT, GuestDirectory, GuestFile

USER: Final = "node"
UNPACK: Final = ("tar", "-x", "-f", "-", "-p", "--same-owner", "--numeric-owner", "-C", "/")
_PROGRAMS: Final = ("guest", "init", "passage", "probe")
_SERVICES: Final = "egress pipelock git-gate supervise"


def archive(plan: BottlePlan, authority: str, roots: bytes, progress: Progress) -> Iterator[bytes]:
    """The tar of everything. `roots` are the image's own (PEM)."""
    folders = (GuestDirectory("/opt/bottle", 0o755, ROOT), GuestDirectory(GUEST_LIBRARY, 0o755, ROOT))
    files = (*plan.files, *trusted(authority, roots), *_programs())
    return pack(Furniture((*folders, *plan.directories), plan.trees, files, plan.archives), progress.detail)


def settings(plan: BottlePlan, values: Mapping[str, str], ports: list[int], seccomp: bytes) -> dict[str, object]:
    """What the guest is told once (sidecars/guest/settings.py). `values`: those of the environment that are not in the
    plan."""
    return {
        "env": _environment(plan, values),
        "directory": plan.workdir,
        "processes": plan.resources.pids,
        "filter": base64.b64encode(seccomp).decode(),
        "ports": ports,
        "files": {
            "/etc/hosts": f"127.0.0.1 localhost {_SERVICES}\n::1 localhost\n",
            # Nobody answers there: a lookup fails at once, and the proxy needs none.
            "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        },
    }


def _environment(plan: BottlePlan, values: Mapping[str, str]) -> dict[str, str]:
    """Beside what the image sets."""
    own = {"HOME": GUEST_HOME, "USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh"}
    planned = {item.name: item.entry.value for item in plan.env if isinstance(item.entry, Verbatim)}
    return {**own, **planned, **values}


def _programs() -> Iterator[GuestFile]:
    """Bottle's own, by their paths in the guest."""
    root = sources() / "sidecars"
    found = [root / "__init__.py", *(path for name in _PROGRAMS for path in sorted((root / name).glob("*.py")))]
    for path in found:
        place = f"{GUEST_LIBRARY}/sidecars/{path.relative_to(root)}"
        yield GuestFile(place, path.read_bytes(), mode=0o644, owner=ROOT)

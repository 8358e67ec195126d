"""The agent's box may call what a box of namespaces may (bubblewrap/seccomp.py), told in the form that engines read.

An engine's own profile is as old as the engine: before 23 it lets sockets to a hypervisor through, which no network
namespace holds, and before 25 io_uring, whose rings open sockets that no filter sees.
"""

import json
from collections.abc import Iterable, Mapping
from errno import ENOSYS
from functools import cache
from itertools import product
from typing import Any, Final

from bottle.adapters.bubblewrap import seccomp
from bottle.adapters.bubblewrap.syscalls import system_calls

ARCHITECTURES: Final[Mapping[str, str]] = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
"""By the machine of the engine. A program for another one, such as i386, is ended, as on namespaces."""

_INT: Final = 0xFFFFFFFF
"""The kernel reads an int where a register has 64 bits: what stands above it must not make another request of it."""
_BY_ARGUMENT: Final = frozenset({"clone", "personality", "socket", "socketpair"})
_CLOSED: Final = _BY_ARGUMENT | {"unshare", *" ".join(seccomp.REFUSED.values()).split()}


@cache
def profile(machine: str) -> str:
    """A profile as JSON (docs.docker.com/engine/security/seccomp). What no rule names is refused with EPERM, a call
    that a later kernel adds with ENOSYS by the engine's runtime. Raises KeyError for a machine not in ARCHITECTURES."""
    absent = seccomp.PRETENDED_ABSENT.split()
    plain = set(system_calls(machine)).difference(_CLOSED, absent)
    rules = [
        {"names": sorted(plain), "action": "SCMP_ACT_ALLOW"},
        {"names": absent, "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
        _rule("clone", [(0, seccomp.NEW_NAMESPACES, 0)]),
        _rule("socketpair", [(0, _INT, seccomp.AF_UNIX)]),
        *(_rule("personality", [(0, _INT, kind)]) for kind in seccomp.PERSONALITIES),
        _rule("socket", [(0, _INT, seccomp.AF_UNIX)]),
        _rule("socket", [(0, _INT, seccomp.AF_NETLINK), (2, _INT, seccomp.NETLINK_ROUTE)]),
        *(_rule("socket", conditions) for conditions in _internet()),
    ]
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": [ARCHITECTURES[machine]],
        "syscalls": rules,
    }
    return json.dumps(document)


_Condition = tuple[int, int, int]
"""An argument's place, the bits of it that count, and what they must be."""


def _internet() -> Iterable[list[_Condition]]:
    families, kinds = (seccomp.AF_INET, seccomp.AF_INET6), (seccomp.SOCK_STREAM, seccomp.SOCK_DGRAM)
    for family, kind, protocol in product(families, kinds, seccomp.PROTOCOLS):
        yield [(0, _INT, family), (1, seccomp.SOCK_TYPE, kind), (2, _INT, protocol)]


def _rule(name: str, conditions: Iterable[_Condition]) -> dict[str, Any]:
    """Lets the call pass where all of these hold."""
    arguments = [
        {"index": index, "op": "SCMP_CMP_MASKED_EQ", "value": mask, "valueTwo": wanted}
        for index, mask, wanted in conditions
    ]
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": arguments}

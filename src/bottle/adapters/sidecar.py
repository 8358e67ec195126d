"""What every backend says to the egress sidecar, and how it reads the answers (sidecars/egress/control.py)."""

import json
import re
from collections.abc import Mapping

from bottle.domain.egress_config import Leaf
from bottle.domain.errors import BackendError
from bottle.domain.hosts import HostPattern

_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)


def leaves(pems: Mapping[str, str]) -> tuple[Leaf, ...]:
    """The certificates with their keys apart, by host pattern."""
    return tuple(
        Leaf(HostPattern(host), certificate=_KEY.sub("", pem), key="".join(_KEY.findall(pem)))
        for host, pem in pems.items()
    )


def stands(line: bytes, version: int) -> bool:
    """Whether the line says that this version stands; raises BackendError when it says that it was refused."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    if not isinstance(event, dict):
        return False
    if event.get("event") == "rejected":
        raise BackendError(f"the sidecar refused its configuration: {event.get('reason', 'without a reason')}")
    return event.get("event") == "ready" and event.get("version") == version

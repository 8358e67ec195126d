"""Closing the box's own network stack, so that it sends nothing to anybody but the sidecar.

An internal network leads nowhere, and yet the host is a neighbour on it: a socket that is bound to the device reaches
each of the host's addresses, and a broadcast or a datagram to 224.0.0.1 reaches every service of the host's that
listens on 0.0.0.0. No option of the engine's prevents it. So a container that shares nothing with the box but its
network namespace, and lives for a moment, gives that namespace rules of IPsec policy (XFRM): pass to the sidecar,
block all else. The box has no capability to take them away, and they go with the namespace.
"""

import time
from typing import Any

from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.names import Names, Owned
from bottle.adapters.docker.streams import converse
from bottle.domain.errors import WallsError

ROLE = "seal"
_SECONDS = 20.0

# struct xfrm_userpolicy_info of <linux/xfrm.h>, sent over netlink: the rules need no program in any image but Python.
PROGRAM = """
import socket, struct, sys
NEW_POLICY, REQUEST_WITH_ANSWER, OUT, ALLOW, BLOCK = 0x13, 5, 1, 0, 1
FOREVER = struct.pack("=8Q", *[2**64 - 1] * 4, *[0] * 4)
def policy(address, prefix, priority, action, family):
    packed = socket.inet_pton(family, address).ljust(16, bytes(1))
    selector = struct.pack("=16s16sHHHHHBBBxxxiI", packed, bytes(16), 0, 0, 0, 0, family, prefix, 0, 0, 0, 0)
    return selector + FOREVER + bytes(32) + struct.pack("=IIBBBBxxxx", priority, 0, OUT, action, 0, 0)
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
link.settimeout(5)
for body in (
    policy(sys.argv[1], 32, 10, ALLOW, socket.AF_INET),
    policy("127.0.0.0", 8, 10, ALLOW, socket.AF_INET),
    policy("0.0.0.0", 0, 1000, BLOCK, socket.AF_INET),
    policy("::1", 128, 10, ALLOW, socket.AF_INET6),
    policy("::", 0, 1000, BLOCK, socket.AF_INET6),
):
    link.send(struct.pack("=IHHII", 16 + len(body), NEW_POLICY, REQUEST_WITH_ANSWER, 1, 0) + body)
    error = -struct.unpack_from("=i", link.recv(4096), 16)[0]
    if error:
        sys.exit(f"the kernel refused a policy: error {error}")
print("closed")
"""


def container(image: str, names: Names, owned: Owned, sidecar: str) -> dict[str, Any]:
    """The container that does it: the sidecar's image, one capability, the box's network namespace."""
    return {
        "Image": image,
        "User": "0:0",
        "Entrypoint": ["python3", "-I", "-S", "-c", PROGRAM],
        "Cmd": [sidecar],
        "Labels": owned.labels(ROLE),
        "HostConfig": {
            "NetworkMode": f"container:{names.box}",
            "CapDrop": ["ALL"],
            "CapAdd": ["NET_ADMIN"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Memory": 64 * 1024**2,
            "PidsLimit": 16,
            "LogConfig": {"Type": "none"},
            "AutoRemove": True,
        },
    }


class Sealer:
    """The container before, while and after it does its work; the engine removes it when it has ended."""

    def __init__(self, engine: Engine, container_id: str) -> None:
        """Takes hold of its output before it is started: afterwards there is nothing left to ask."""
        self._engine, self._container = engine, container_id
        self._channel = engine.attach(container_id)

    def close_stack(self) -> None:
        """Runs it over the started box. Raises WallsError when the rules do not stand."""
        try:
            self._engine.start(self._container)
            said = b"".join(converse(self._channel, b"", time.monotonic() + _SECONDS))
        except TimeoutError:
            said = b"no answer in time"
        if said.strip() != b"closed":
            reason = said.decode(errors="replace").strip() or "without a word"
            raise WallsError(
                f"a wall could not be raised: network: the box's own stack stays open ({reason})",
                hint="the engine's kernel needs XFRM (CONFIG_XFRM_USER)",
            )

    def let_go(self) -> None:
        self._channel.close()

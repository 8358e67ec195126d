"""The judgement of what the probe (sidecars/probe) found in a machine: what is missing or not understood fails."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from attrs import frozen

from bottle.adapters.probed import Walls, privileges, reported
from bottle.adapters.smolmachines.conversation import GUEST_LIBRARY
from bottle.domain.errors import ProvisionError, WallsError
from bottle.domain.hosts import Authority
from bottle.domain.provision import CA_BUNDLE, CA_FILE

_LINE: Final = f"import sys; sys.path[:0] = ['{GUEST_LIBRARY}']; from sidecars.probe.main import main; main()"
_GATEWAY: Final = "100.96.0.1"
"""Where a machine with a network device would find this host's loopback (smolvm >= 1.7.2)."""

# A machine without a device has no route, and its kernel says so at once. Whoever passes sockets on to the host would
# say anything else: that nobody answers, or that it took too long.
_NO_WAY: Final = frozenset({"Network is unreachable"})
_NO_WAY_6: Final = _NO_WAY | {"Address family not supported by protocol", "Cannot assign requested address"}


@frozen
class Trap:
    """A service on this host's loopback that the machine must not reach."""

    listener: socket.socket

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def is_sprung(self) -> bool:
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@contextmanager
def trap() -> Iterator[Trap]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Trap(listener)


def command(proxy: Authority, trap: Trap) -> list[str]:
    """The command line, in the machine, that makes the report."""
    asked = {
        "proxy": [proxy.host, proxy.port],
        "absent": [],
        "directories": {},
        "authority": CA_FILE,
        "bundle": CA_BUNDLE,
        "traps": [["127.0.0.1", trap.port], [_GATEWAY, trap.port]],
    }
    return ["/usr/bin/env", "python3", "-I", "-S", "-B", "-c", _LINE, json.dumps(asked)]


def judge(output: bytes, trap: Trap) -> None:
    """Raises WallsError that names the first wall that was not proved, ProvisionError for furniture that is amiss."""
    report = reported(output)
    for holds, wall in (*_walls(report), (not trap.is_sprung(), "host: a service on its loopback was reached")):
        if not holds:
            raise WallsError(
                f"a wall could not be proved: {wall}", hint="the machine was removed; `bottle doctor` says more"
            )
    if report.get("trusted") is not True:
        raise ProvisionError("the bottle's own authority is not trusted inside the machine")


def _walls(report: Mapping[str, Any]) -> Walls:
    return [
        *privileges(report),
        (report.get("interfaces") == ["lo"], "network: there is a device besides loopback"),
        (report.get("outside") in _NO_WAY, "network: an outside address is not refused at once"),
        (report.get("outside6") in _NO_WAY_6, "network: an outside address is not refused at once over IPv6"),
        (report.get("datagram") in _NO_WAY, "network: a datagram is not refused at once"),
        (report.get("reached") == [], "host: a service on its loopback can be reached"),
        (bool(report.get("vsock")), "host: a socket to the hypervisor can be had"),
        (bool(report.get("name")), "names: an outside name is not refused"),
        (bool(report.get("namespace")), "namespaces: new ones can be had"),
        ("bottle egress" in str(report.get("proxy", "")), "way out: the sidecar does not answer at its port"),
    ]

"""A real box under attack, on each runtime that the engine has, and traps on the host that count what reaches them."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import docker
import pytest
from attrs import define, field, frozen

from bottle.adapters.docker.names import Names
from bottle.app.ports import Backend, Bottle
from tests.support import bottles
from tests.support.requirements import require

ATTACKS = (Path(__file__).parent / "attacks.py").read_bytes()


@frozen
class Box:
    """A box and where it stands."""

    bottle: Bottle
    backend: Backend
    runtime: str
    address: str
    sidecar: str
    gateway: str
    broadcast: str

    def tries(self, *attacks: Sequence[Any], timeout: float = 100) -> list[str]:
        """What became of each attack: `ok...`, or the error's name."""
        asked = json.dumps([[name, arguments] for name, *arguments in attacks])
        done = self.bottle.run(["python3", "-", asked], stdin=ATTACKS, timeout=timeout)
        assert done.status == 0, done.stderr.decode()
        answers = json.loads(done.stdout)
        assert len(answers) == len(attacks)
        return [str(answer) for answer in answers]

    def shell(self, script: str) -> str:
        """What a shell script says, both outputs together."""
        done = self.bottle.run(["sh", "-c", f"exec 2>&1; {script}"], timeout=100)
        return done.stdout.decode(errors="replace")


def launch_box(runtime: str) -> Iterator[Box]:
    backend = bottles.docker_backend(f"walls:{runtime}", gvisor=runtime == "gvisor")
    plan = bottles.a_plan(bottles.images_for_tests())
    with bottles.launched(backend, plan) as bottle:
        yield describe(bottle, backend, runtime)


def describe(bottle: Bottle, backend: Backend, runtime: str) -> Box:
    """The box with the addresses that the engine gave it."""
    names = Names(bottle.identity)
    client: Any = docker.APIClient()
    try:
        network = client.inspect_network(names.network)
        ends = {end["Name"]: end["IPv4Address"].split("/")[0] for end in network["Containers"].values()}
        pool = network["IPAM"]["Config"][0]
    finally:
        client.close()
    base = ".".join(pool["Gateway"].split(".")[:3])
    last = int(pool["Subnet"].split("/")[0].split(".")[3]) + 7
    return Box(bottle, backend, runtime, ends[names.box], ends[names.sidecar], pool["Gateway"], f"{base}.{last}")


@pytest.fixture(scope="session", params=["runc", "gvisor"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    require("docker" if request.param == "runc" else "gvisor")
    yield from launch_box(request.param)


@pytest.fixture(scope="session")
def neighbour(box: Box) -> Iterator[Box]:
    """A second bottle of the same runtime, at the same time."""
    yield from launch_box(box.runtime)


@define
class Trap:
    """Services of the host's, on every address of both families; `heard` is what reached them."""

    port: int
    heard: list[str] = field(factory=list)
    _sockets: list[socket.socket] = field(factory=list)

    def count(self) -> int:
        """How many reached it, those included that are just on their way."""
        time.sleep(0.3)
        return len(self.heard)


@pytest.fixture(scope="session")
def trap() -> Iterator[Trap]:
    tcp4 = _listening(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", 0)
    port = tcp4.getsockname()[1]
    sockets = [tcp4, _listening(socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0", port)]
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        sockets.append(_listening(socket.AF_INET6, socket.SOCK_STREAM, "::", port))
        sockets.append(_listening(socket.AF_INET6, socket.SOCK_DGRAM, "::", port))
    trap = Trap(port, sockets=sockets)
    for sock in sockets:
        threading.Thread(target=_hear, args=(sock, trap), daemon=True).start()
    yield trap
    for sock in sockets:
        sock.close()


def _listening(family: int, kind: int, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, kind)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(16)
    return sock


def _hear(sock: socket.socket, trap: Trap) -> None:
    while True:
        try:
            if sock.type == socket.SOCK_STREAM:
                connection, peer = sock.accept()
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nthe host\n")
                connection.close()
            else:
                _, peer = sock.recvfrom(4096)
        except OSError:
            return
        trap.heard.append(str(peer))


@pytest.fixture(scope="session")
def host_addresses() -> list[str]:
    """Addresses at which a container usually finds its host: docker0's and each of the machine's own."""
    found = ["172.17.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.254", 9))  # sends nothing: it asks the routing table
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    lines = Path("/proc/net/fib_trie").read_text().splitlines()
    for before, line in pairwise(lines):
        if "32 host LOCAL" in line:
            found.append(before.split()[-1])
    return sorted({address for address in found if not address.startswith("127.")})

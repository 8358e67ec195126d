"""A real box under attack, on each runtime that the engine has, and traps on the host that count what reaches them."""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import docker
import pytest
from attrs import define, field, frozen

from bottle.adapters.bubblewrap import ground
from bottle.adapters.docker.names import Names
from bottle.app.ports import Backend, Bottle, Cargo
from bottle.domain.plan import BottlePlan
from tests.support import bottles, host_person, smolmachines
from tests.support.host_person import Person
from tests.support.requirements import require

REQUIRED = {"runc": "docker", "gvisor": "gvisor", "bubblewrap": "bubblewrap", "smolmachines": "smolmachines"}
"""What each runtime needs of the machine."""
Attack = tuple[object, ...]
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
    device: str
    _tables: dict[tuple[Attack, ...], Mapping[Attack, str]] = field(factory=dict, eq=False, repr=False)

    @property
    def own_places(self) -> str:
        """What is in the box and not the system's."""
        if self.runtime == "bubblewrap":
            return "/etc /home /opt /run/bottle/lib /tmp /var /dev/shm"
        return "/etc /home /root /run /srv /tmp /usr/local /usr/share /var /opt /dev/shm"

    def tries(self, *attacks: Sequence[Any], timeout: float = 100, apart: bool = False) -> list[str]:
        """What became of each attack: `ok...`, or the error's name. All are made by one process, or each by its own."""
        asked = json.dumps([[name, arguments] for name, *arguments in attacks])
        how = ["apart"] if apart else []
        done = self.bottle.run(["python3", "-", asked, *how], stdin=ATTACKS, timeout=timeout)
        assert done.status == 0, done.stderr.decode()
        answers = json.loads(done.stdout)
        assert len(answers) == len(attacks)
        return [str(answer) for answer in answers]

    def row(self, table: Sequence[Attack], attack: Attack) -> str:
        """What became of one attack of a table. All of it are tried at once, each in a process of its own: what an
        interpreter's start costs in a box, a hundred rows need not pay."""
        key = tuple(table)
        if key not in self._tables:
            self._tables[key] = dict(zip(key, self.tries(*key, apart=True), strict=True))
        return self._tables[key][attack]

    def shell(self, script: str) -> str:
        """What a shell script says, both outputs together."""
        done = self.bottle.run(["sh", "-c", f"exec 2>&1; {script}"], timeout=100)
        return done.stdout.decode(errors="replace")


Boxes = Callable[..., Box]
"""A box by its runtime; another one with each further word."""


@contextmanager
def launched_box(runtime: str, owner: str = "walls") -> Iterator[Box]:
    """A box of this runtime that is gone afterwards."""
    if runtime == "bubblewrap":
        with launched_embedded(bottles.a_plan(bottles.PROGRAMS), owner=owner) as box:
            yield box
        return
    if runtime == "smolmachines":
        with launched_machine(bottles.a_plan(smolmachines.images_for_tests()), owner=owner) as box:
            yield box
        return
    backend = bottles.docker_backend(f"{owner}:{runtime}", gvisor=runtime == "gvisor")
    with bottles.launched(backend, bottles.a_plan(bottles.images_for_tests())) as bottle:
        yield describe(bottle, backend, runtime)


@contextmanager
def launched_embedded(plan: BottlePlan, cargo: Cargo | None = None, owner: str = "walls") -> Iterator[Box]:
    """A box of namespaces that belongs to `host_person.NUMBER`. It has an address of its own, and that is loopback's;
    the gateway and the broadcast address are those that user-mode networks have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ground, "NOBODY", host_person.NUMBER)
        backend = bottles.bubblewrap_backend(f"{owner}:{os.getpid()}")
        with bottles.launched(backend, plan, cargo) as bottle:
            yield Box(bottle, backend, "bubblewrap", "127.0.0.1", "127.0.0.1", "10.0.2.2", "10.0.2.255", "lo")


@contextmanager
def launched_machine(plan: BottlePlan, cargo: Cargo | None = None, owner: str = "walls") -> Iterator[Box]:
    """A virtual machine, or what the double of `smolvm` makes of it. The gateway and the broadcast address are those
    that `smolvm` gives to a machine with a network device."""
    with tempfile.TemporaryDirectory(prefix="bottle-machines-") as data:
        backend = smolmachines.backend(f"{owner}:{os.getpid()}", Path(data))
        with bottles.launched(backend, plan, cargo) as bottle:
            yield Box(bottle, backend, "smolmachines", "127.0.0.1", "127.0.0.1", "100.96.0.1", "100.96.0.3", "lo")


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
    return Box(
        bottle, backend, runtime, ends[names.box], ends[names.sidecar], pool["Gateway"], f"{base}.{last}", "eth0"
    )


@pytest.fixture(scope="session")
def boxes() -> Iterator[Boxes]:
    """Every box that is asked for, once for all tests."""
    with ExitStack() as stack:
        made: dict[tuple[str, str], Box] = {}

        def box_of(runtime: str, which: str = "one") -> Box:
            require(REQUIRED[runtime])
            if (runtime, which) not in made:
                made[runtime, which] = stack.enter_context(launched_box(runtime))
            return made[runtime, which]

        yield box_of


@pytest.fixture(scope="session", params=list(REQUIRED))
def box(request: pytest.FixtureRequest, boxes: Boxes) -> Box:
    return boxes(request.param)


@pytest.fixture(scope="session", params=["runc", "gvisor"])
def container(request: pytest.FixtureRequest, boxes: Boxes) -> Box:
    """A box that an engine made."""
    return boxes(request.param)


@pytest.fixture(scope="session")
def neighbour(container: Box, boxes: Boxes) -> Box:
    """A second bottle of the same runtime, at the same time."""
    return boxes(container.runtime, "another")


@pytest.fixture(scope="session")
def embedded(boxes: Boxes) -> Box:
    """A box of namespaces."""
    return boxes("bubblewrap")


@pytest.fixture(scope="session")
def another(boxes: Boxes) -> Box:
    """A second box of namespaces, at the same time."""
    return boxes("bubblewrap", "another")


@pytest.fixture(scope="session")
def person() -> Iterator[Person]:
    """Whom the boxes of namespaces belong to."""
    with host_person.person() as person:
        yield person


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

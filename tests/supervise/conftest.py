"""The server over directories as a bottle's state has them: its code alone, and as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from bottle.adapters.state.supervise import SuperviseFiles
from bottle.app.ports import Rooms
from bottle.domain.egress import Injection, Policy, Route
from bottle.domain.hosts import HostPattern
from bottle.domain.listen import Listen
from bottle.domain.supervise import Grants, first_grants
from bottle.domain.supervise_files import SuperviseStart, start_document
from sidecars.supervise.desk import Desk
from tests.support.bottles import fresh_identity
from tests.support.ports import free_port
from tests.support.supervise import Client, Inside, Wire

ROOT = Path(__file__).parents[2]
ROUTES = (
    Route(HostPattern("api.example.com"), inject=Injection("authorization", "Bearer", "EGRESS_TOKEN_0")),
    Route(HostPattern("docs.example.com"), methods=("GET",), paths=("/en",)),
)


def grants() -> Grants:
    return first_grants(Policy(ROUTES))


@define
class Served:
    """One bottle's server, what it writes, and the host's side of that. `port` is 0 where no process listens."""

    identity: str
    store: SuperviseFiles
    rooms: Rooms
    client: Client
    port: int = 0

    @property
    def wire(self) -> Wire:
        return Wire(self.port)

    def numbers(self) -> list[str]:
        """The ids that an operator sees."""
        return [asked.proposal.id for asked in self.store.asked(self.identity)]

    def start(self, port: int = 0) -> SuperviseStart:
        """What the server is told."""
        return SuperviseStart(
            self.identity, Listen("127.0.0.1", port), str(self.rooms.asked), str(self.rooms.told), tied=True
        )


MakeServer = Callable[[], Served]


@pytest.fixture
def make_server(tmp_path: Path) -> MakeServer:
    return lambda: without_transport(tmp_path)


@pytest.fixture
def server(make_server: MakeServer) -> Served:
    return make_server()


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that is a process, for all tests of what is on the wire."""
    with a_process(without_transport(tmp_path_factory.mktemp("listening"))) as served:
        yield served


def without_transport(root: Path) -> Served:
    identity = fresh_identity()
    (root / "state" / identity).mkdir(parents=True)
    store = SuperviseFiles(root / "state")
    rooms = store.open(identity, grants(), "certificate", "key")
    start = SuperviseStart(identity, Listen("127.0.0.1", 0), str(rooms.asked), str(rooms.told))
    return Served(identity, store, rooms, Client(Inside(Desk(start))))


@contextmanager
def a_process(served: Served) -> Iterator[Served]:
    """The same bottle's server as the real program."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.supervise"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": "src:."},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(start_document(served.start(port))).encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        assert answer == {"event": "ready", "version": 0}
        yield Served(served.identity, served.store, served.rooms, Client(Wire(port)), port)
    finally:
        process.kill()
        process.communicate()

"""The server as a process of its own, in directories as a bottle's state has them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from bottle.adapters.state.supervise import SuperviseFiles
from bottle.app.supervise_ports import Rooms
from bottle.domain.egress import Injection, Policy, Route
from bottle.domain.hosts import HostPattern
from bottle.domain.sidecar_config import Listen
from bottle.domain.supervise import Grants, first_grants
from bottle.domain.supervise_files import SuperviseStart, start_document
from tests.support.bottles import fresh_identity
from tests.support.supervise import Client

ROUTES = (
    Route(HostPattern("api.example.com"), inject=Injection("authorization", "Bearer", "EGRESS_TOKEN_0")),
    Route(HostPattern("docs.example.com"), methods=("GET",), paths=("/en",)),
)


def grants() -> Grants:
    return first_grants(Policy(ROUTES))


@define
class Served:
    """A server of one bottle: where it listens, what it writes, and the host's side of that."""

    port: int
    identity: str
    store: SuperviseFiles
    rooms: Rooms
    process: subprocess.Popen[bytes]

    @property
    def client(self) -> Client:
        return Client(self.port)

    def numbers(self) -> list[str]:
        return [asked.proposal.id for asked in self.store.asked(self.identity)]


MakeServer = Callable[[], Served]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    running: list[subprocess.Popen[bytes]] = []

    def make() -> Served:
        identity = fresh_identity()
        (tmp_path / "state" / identity).mkdir(parents=True)
        store = SuperviseFiles(tmp_path / "state")
        rooms = store.open(identity, grants(), "certificate", "key")
        served = _start(identity, store, rooms)
        running.append(served.process)
        return served

    yield make
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def server(make_server: MakeServer) -> Served:
    return make_server()


def _start(identity: str, store: SuperviseFiles, rooms: Rooms) -> Served:
    port = _free_port()
    start = SuperviseStart(identity, Listen("127.0.0.1", port), str(rooms.asked), str(rooms.told), tied=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.supervise"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": "src:."},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(start_document(start)).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    assert answer == {"event": "ready", "version": 0}
    return Served(port, identity, store, rooms, process)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

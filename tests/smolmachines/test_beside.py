"""Sidecars of a machine in a container, behind its one door. Those that are processes: test_whole.py, the contract."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve, frozen
from docker import APIClient

from bottle.adapters.docker.beside import Beside
from bottle.adapters.docker.connection import connect
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.names import Names
from bottle.adapters.smolmachines.backend import SmolmachinesBackend
from bottle.adapters.smolmachines.bottle import SmolmachinesBottle
from bottle.adapters.state.supervise import SuperviseFiles
from bottle.app.ports import Bottle
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError
from bottle.domain.manifest import PushRules, Remote
from bottle.domain.plan import BottlePlan
from bottle.domain.planning_git import git_settings
from bottle.domain.supervise import first_grants
from tests.smolmachines.conftest import left
from tests.support import bottles, smolmachines
from tests.support.git_client import bare_repository, holds
from tests.support.requirements import require
from tests.support.sshd import sshd
from tests.support.supervise import JSON_ALONE, Client, Reply

HOST = "git.test"


@frozen
class Served:
    """A bottle that has all three sidecars."""

    data: Path
    bottle: Bottle
    plan: BottlePlan
    upstream: Path
    store: SuperviseFiles

    def backend(self) -> SmolmachinesBackend:
        """As another command of the operator's has it."""
        return backend_of(self.data)


def backend_of(data: Path) -> SmolmachinesBackend:
    return smolmachines.backend(f"tests:{data}", data, "containers")


@contextmanager
def a_bottle(data: Path, folder: Path) -> Iterator[Served]:
    with sshd(folder / "sshd", bottles.docker_bridge()) as server:
        upstream = bare_repository(folder / "project.git", {"README": "hello\n"})
        remote = Remote(server.url(upstream), str(server.key), server.host_key, push=PushRules(branches=("agent/**",)))
        plan = evolve(bottles.a_plan(smolmachines.images_in("containers")), remotes={HOST: remote}, supervise=True)
        plan = evolve(plan, files=(git_settings(plan.git_identity, plan.remotes),))
        (folder / "state" / plan.identity).mkdir(parents=True)
        store = SuperviseFiles(folder / "state")
        rooms = store.open(plan.identity, first_grants(Policy()), "", "")
        cargo = evolve(bottles.a_cargo(), git_secrets={HOST: server.key.read_text()}, rooms=rooms)
        with bottles.launched(backend_of(data), plan, cargo) as bottle:
            yield Served(data, bottle, plan, upstream, store)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    require("smolmachines-containers")
    require("/usr/sbin/sshd")
    with a_bottle(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("served")) as there:
        yield there


def test_a_push_reaches_the_upstream_through_the_gate(served: Served) -> None:
    script = (
        f"exec 2>&1; set -e; git clone -q {served.plan.remotes[HOST].upstream} work; cd work; cat README;"
        "git switch -q -c agent/one; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one;"
        "git push -q origin HEAD"
    )
    done = served.bottle.run(["sh", "-c", script], timeout=120)
    assert (done.status, done.stdout) == (0, b"hello\n")
    assert holds(served.upstream, "agent/one")


def test_a_stuck_agents_question_reaches_the_operator(served: Served) -> None:
    wish = {"host": "wanted.example.com", "port": 443, "methods": ["GET"], "why": "the task needs it"}
    number = Client(_Curl(served.bottle)).asked("egress-block", **wish)
    assert [asked.proposal.id for asked in served.store.asked(served.plan.identity)] == [number]


@frozen
class _Curl:
    """A line from within the box."""

    bottle: Bottle

    def post(self, body: bytes) -> Reply:
        headers = [word for name, value in JSON_ALONE.items() for word in ("-H", f"{name}: {value}")]
        asked = ["curl", "-sS", "-m", "30", *headers, "--data-binary", "@-", "http://supervise:9100/"]
        done = self.bottle.run(asked, stdin=body)
        return Reply(200 if done.status == 0 else 0, {}, done.stdout)


def test_the_way_out_judges_and_another_command_changes_what_it_judges_by(served: Served) -> None:
    asked = ["curl", "-sS", "-m", "20", "-x", "http://egress:8888", "http://unlisted.example.net/"]
    assert b"host.unlisted" in served.bottle.run(asked).stdout
    opened = served.backend().open(served.plan.identity)
    opened.reload(Policy(version=4))
    assert b'"version": 4' in opened.sidecar_log()
    (running,) = served.backend().running()
    assert (running.alive, running.services) == (True, ("egress", "git-gate", "supervise"))


def test_what_carries_connections_may_be_stopped_and_the_bottle_ends_all_the_same(served: Served) -> None:
    (lock,) = Path("/tmp").glob(f"bot-bottle-*/*/{served.plan.identity}/lock")
    os.kill(int(lock.read_text()), signal.SIGSTOP)
    backend = served.backend()
    backend.destroy(served.plan.identity)
    assert left(backend) == []
    assert not lock.parent.exists()


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmolmachinesBackend, SmolmachinesBottle]]:
    """A bottle with its way out in a container; the last test that takes it leaves little of it."""
    require("smolmachines-containers")
    backend = backend_of(tmp_path_factory.mktemp("contained"))
    with bottles.launched(backend, bottles.a_plan(smolmachines.images_in("containers"))) as bottle:
        assert isinstance(bottle, SmolmachinesBottle)
        yield backend, bottle


def test_the_containers_door_opens_to_nobody_without_the_key(
    contained: tuple[SmolmachinesBackend, SmolmachinesBottle],
) -> None:
    """Every user and program of the host finds that port; who is sent away has not spoken to a sidecar."""
    address, port = _published(contained[1].identity)
    with socket.create_connection(("127.0.0.1", port), 10) as stranger:
        stranger.sendall(b"GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n" + bytes(64))
        heard = b"".join(iter(lambda: _received(stranger), b""))
    assert len(heard) <= 64, "a number and a code, which say nothing"
    for sidecar in (8888, 9100, 9418):
        with pytest.raises((ConnectionRefusedError, TimeoutError)):  # a Mac does not reach that address at all
            socket.create_connection((address, sidecar), 10)


def _received(stranger: socket.socket) -> bytes:
    try:
        return stranger.recv(4096)
    except ConnectionResetError:
        return b""


def _published(identity: str) -> tuple[str, int]:
    """The container's own address, and the port of this host's loopback."""
    with closing(connect(os.environ, Path.home())) as engine:
        network = engine.inspect_container(Names(identity).sidecar)["NetworkSettings"]
    (where,) = network["Ports"]["7000/tcp"]
    assert where["HostIp"] == "127.0.0.1"
    return network["Networks"][Names(identity).egress_network]["IPAddress"], int(where["HostPort"])


def test_a_container_loses_its_way_with_the_launcher_and_is_found(
    contained: tuple[SmolmachinesBackend, SmolmachinesBottle],
) -> None:
    """What carries connections to it ends with the launcher, as sidecars that are processes do. The rest waits for
    `bottle cleanup`."""
    backend, bottle = contained
    assert bottle.lifeline is not None
    bottle.lifeline.cut()  # as the kernel does for a process that is killed
    (running,) = backend.running()
    assert (running.alive, running.services) == (False, ())
    asked = bottle.run(["curl", "-sS", "-m", "20", "-x", "http://egress:8888", "http://unlisted.example.net/"])
    assert (asked.stdout, asked.status) == (b"", 52), "an empty reply"
    assert [leftover.kind for leftover in backend.leftovers()] == ["machine", "container", "network"]
    backend.destroy(bottle.identity)
    assert left(backend) == []


def test_no_sidecar_has_a_place_without_bwrap_and_without_an_engine(data: Path) -> None:
    gone = smolmachines.backend("tests:beside", data, "containers", DOCKER_HOST="unix:///nonexistent.sock")
    survey = gone.survey()
    assert not survey.usable
    assert "no bwrap here" in survey.reason
    assert "nor in containers" in survey.reason


def test_an_engine_on_another_machine_serves_none() -> None:
    """The port would be on that machine's loopback."""
    with closing(APIClient("tcp://192.0.2.1:2375", version="1.41")) as far:
        engine = Engine(far)
        with pytest.raises(BackendError, match="another machine"):
            Beside.on(engine, "tests:beside")

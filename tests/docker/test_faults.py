"""When a part fails the bottle closes: a dead sidecar, an engine that goes away or never was, a full disk."""

import gc
import os
import socket
import stat
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
import requests

from bottle.adapters.docker.backend import DockerBackend
from bottle.adapters.docker.connection import endpoint, usual_sockets
from bottle.adapters.docker.failures import GoneError, OverlapError, meaning
from bottle.adapters.docker.names import Names
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError, BottleError, ConflictError, ProvisionError
from tests.support import bottles
from tests.support.requirements import require

ENGINE = "/var/run/docker.sock"


@pytest.fixture(autouse=True)
def _sdk_forgets_sockets() -> Iterator[None]:
    """The SDK never closes a socket that could not connect: they are collected here, where nobody minds."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def _client() -> Iterator[Any]:
    client = docker.APIClient()
    try:
        yield client
    finally:
        client.close()


def test_a_dead_sidecar_leaves_the_agent_without_any_way_out() -> None:
    require("docker")
    backend = bottles.docker_backend(f"faults:{os.getpid()}")
    with bottles.launched(backend, bottles.a_plan(bottles.images_for_tests())) as bottle:
        alive = bottle.run(["curl", "-s", "-o", "/dev/null", "--noproxy", "*", "http://egress:8888/"])
        assert alive.status == 0
        with _client() as client:
            client.kill(Names(bottle.identity).sidecar)
        for argv in (
            ["curl", "-s", "--max-time", "2", "--noproxy", "*", "http://egress:8888/"],
            ["curl", "-s", "--max-time", "2", "--noproxy", "*", "http://192.0.2.1/"],
            ["curl", "-s", "--max-time", "2", "-x", "http://egress:8888", "https://example.com/"],
            ["curl", "-s", "--max-time", "2", "--noproxy", "*", "http://example.com/"],
        ):
            assert bottle.run(argv).status in {5, 6, 7, 28}, argv
        [running] = backend.running()
        assert not running.alive
        assert running.services == ()
        with pytest.raises(BackendError):
            bottle.reload(Policy(version=1))


class _Proxy:
    """Between the backend and the engine: passes everything on until it is told to break."""

    def __init__(self, path: Path, requests_until_broken: int) -> None:
        self._left = requests_until_broken
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._open: list[socket.socket] = []
        self.broken = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.broken:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(ENGINE)
            self._open += [near, far]
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        try:
            while data := source.recv(65536):
                if counts and b" /v1." in data[:60]:
                    self._left -= 1
                    if self._left < 0:
                        self.stop()
                sink.sendall(data)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self) -> None:
        self.broken = True
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self.stop()
        self._listener.close()
        for end in self._open:
            end.close()


@pytest.mark.parametrize("calls", [1, 3, 5, 7, 9, 11, 13, 15])
def test_an_engine_that_goes_away_in_the_middle_is_an_error_and_cleanup_finds_the_rest(
    tmp_path: Path, calls: int
) -> None:
    require("docker")
    images, owner = bottles.images_for_tests(), f"gone-{calls}:{os.getpid()}"
    proxy = _Proxy(tmp_path / "engine.sock", calls)
    broken = DockerBackend(
        owner=owner, environ={"DOCKER_HOST": f"unix://{tmp_path}/engine.sock"}, home=Path.home(), use_gvisor=False
    )
    plan = bottles.a_plan(images)
    try:
        with bottles.audit_directory() as audit, pytest.raises(BackendError):
            broken.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    finally:
        proxy.close()
    time.sleep(1)  # what the engine was doing for the broken launch, it finishes
    later = bottles.docker_backend(owner)
    assert {left.identity for left in later.leftovers()} <= {plan.identity}
    later.destroy(plan.identity)
    assert not later.leftovers()


def test_an_engine_that_is_not_there_is_said_with_what_helps(tmp_path: Path) -> None:
    backend = DockerBackend(owner="nobody", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, home=tmp_path)
    survey = backend.survey()
    assert not survey.usable
    assert survey.reason == "no Docker engine answers"
    assert survey.hint is not None
    with pytest.raises(BackendError, match="no Docker engine answers"):
        backend.running()


def test_a_socket_that_may_not_be_used_is_said_with_the_group(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        error = docker.errors.DockerException(
            "Error while fetching: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
        )
        said = meaning(error)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "engine.sock"))
            (tmp_path / "engine.sock").chmod(0)
            backend = DockerBackend(
                owner="me", environ={"DOCKER_HOST": f"unix://{tmp_path}/engine.sock"}, home=tmp_path
            )
            with pytest.raises(BackendError) as caught:
                backend.running()
            said = caught.value
    assert "no permission" in str(said)
    assert said.hint is not None
    assert "usermod -aG docker" in said.hint


def test_an_engine_behind_ssh_is_refused(tmp_path: Path) -> None:
    backend = DockerBackend(owner="me", environ={"DOCKER_HOST": "ssh://somewhere"}, home=tmp_path)
    assert "ssh" in backend.survey().reason


@pytest.mark.parametrize(
    ("status", "said", "kind", "words"),
    [
        (409, 'Conflict. The container name "/x" is already in use by container "y"', ConflictError, "taken"),
        (409, "network with name x already exists", ConflictError, "taken"),
        (403, "Pool overlaps with other one on this address space", OverlapError, "subnet"),
        (404, "No such container: x", GoneError, "No such"),
        (500, "write /var/lib/docker/tmp/x: no space left on device", BackendError, "no space is left"),
        (400, "Unknown runtime specified runsc", BackendError, "runtime"),
        (
            400,
            "OCI runtime exec failed: exec: sh: executable file not found in $PATH",
            BackendError,
            "missing in the image",
        ),
        (400, "unable to find user node: no matching entries in passwd file", BackendError, "user `node`"),
        (500, "something else", BackendError, "refused: something else"),
    ],
)
def test_what_the_engine_refuses_is_told_in_a_persons_words(
    status: int, said: str, kind: type[BottleError], words: str
) -> None:
    response = requests.Response()
    response.status_code = status
    error = meaning(docker.errors.APIError("refused", response=response, explanation=said))
    assert type(error) is kind
    assert words in str(error)
    assert "\n" not in str(error)


def test_a_hung_engine_is_told_from_an_absent_one() -> None:
    assert "does not answer" in str(meaning(requests.exceptions.ReadTimeout("read timed out")))


def test_a_disk_that_is_full_stops_a_launch_and_leaves_nothing() -> None:
    """Real: the box's tmpfs for values is of a fixed size, and what does not fit is refused, not cut off."""
    require("docker")
    backend = bottles.docker_backend(f"full:{os.getpid()}")
    plan = bottles.a_plan(bottles.images_for_tests(), host_env=["HUGE"])
    with bottles.audit_directory() as audit, pytest.raises(ProvisionError, match="could not be written"):
        backend.launch(plan, bottles.a_cargo(env={"HUGE": "x" * 9_000_000}), audit, FakeProgress(), bottles.never)
    assert not backend.leftovers()


def test_docker_host_comes_first_then_the_default_socket(tmp_path: Path) -> None:
    assert endpoint({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, tmp_path)["base_url"] == "tcp://127.0.0.1:2375"
    if Path(ENGINE).exists():
        assert endpoint({}, tmp_path) == {"base_url": f"unix://{ENGINE}"}


def test_an_unknown_context_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no Docker context"):
        endpoint({"DOCKER_CONTEXT": "there-is-none"}, tmp_path)


def test_the_usual_sockets_of_other_engines_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bottle.adapters.docker.connection.DEFAULT_SOCKET", tmp_path / "absent.sock")
    place = tmp_path / ".colima/default/docker.sock"
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert endpoint({}, tmp_path) == {"base_url": f"unix://{place}"}
    assert Path("/run/user/1/podman/podman.sock") in usual_sockets({"XDG_RUNTIME_DIR": "/run/user/1"}, tmp_path)

"""An engine in which nothing else is: killed under bottles that run and started again, each command says how it stands;
and whatever bottles begin and end in it, it is afterwards as it was before."""

import json
import os
import signal
from collections.abc import Iterator

import pytest
from attrs import evolve

from bottle.cli.main import run
from tests.faults.conftest import ENOUGH, Host
from tests.faults.engines import BOX, Engine, engine
from tests.faults.workers import NOTE, SEEDS, Report, Worker, make_worker, started
from tests.support.boxes import wait_until
from tests.support.requirements import require

WITH_A_GATE = """\
---
agent_provider: {template: sh}
git: {remotes: {results: {Upstream: local}}}
---
"""
TRACES = (
    "-A FORWARD",
    "-A POSTROUTING",
    " br-",
    " veth",
    "overlay",
    "nsfs",
    "/sys/fs/cgroup/",
    "/volumes/",
    "containerd-shim",
)
AWAY = "no Docker engine answers"
BACKEND, NOT_RUNNING, PASSED_THROUGH = 5, 4, 100


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if os.geteuid():
        pytest.skip("needs root, for an engine of its own")
    for part in ("docker", "dockerd", "mounts", "nsenter"):
        require(part)
    with engine(tmp_path_factory.mktemp("engine")) as made:
        made.furnish()
        yield made


@pytest.fixture
def worker(mortal: Engine, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Commands in this process see the same home and engine as its own."""
    host = make_worker(tmp_path_factory.mktemp("restarted"), "docker")
    there = {"DOCKER_HOST": mortal.address, "BOT_BOTTLE_IMAGE": BOX}
    for name, value in {**there, "BOT_BOTTLE_HOME": str(host.home), "BOT_BOTTLE_BACKEND": "docker"}.items():
        monkeypatch.setenv(name, value)
    return evolve(host, before=("env", *(f"{name}={value}" for name, value in there.items())))


def test_bottles_are_lost_with_their_engine_and_told_of(
    mortal: Engine, worker: Host, capfd: pytest.CaptureFixture[str]
) -> None:
    identity = started(worker)
    worker.bottle("exec", identity, "--", "sh", "-c", NOTE)
    running = worker.launch("run", "worker", "echo on; sleep 600", "--stream")
    assert running.stdout is not None
    while running.stdout.readline() != "| on\n":
        pass
    mortal.end(signal.SIGKILL)
    said, _ = running.communicate(timeout=ENOUGH)
    assert (running.returncode, AWAY in said) == (PASSED_THROUGH + BACKEND, True), said

    def told(*command: str) -> tuple[int, str]:
        status = run(command)
        out, err = capfd.readouterr()
        return status, out + err

    def says(text: str, *commands: tuple[str, ...]) -> None:
        for command in commands:
            assert text in told(*command)[1], command

    def statuses() -> set[str]:
        return {row["status"] for row in json.loads(told("list", "--all", "--json")[1])}

    # Nobody can tell what is there, so nothing is forgotten and nothing is said to be done.
    assert statuses() == {"unknown"}
    says("docker does not answer", ("list",), ("info", identity))
    for command, status in (
        (("stop", identity), BACKEND),
        (("stop", "--all"), BACKEND),
        (("cleanup", "--yes"), BACKEND),
        (("attach", identity), PASSED_THROUGH + BACKEND),
        (("resume", identity, "--yes"), PASSED_THROUGH + BACKEND),
    ):
        found, text = told(*command)
        assert (found, AWAY in text, "hint: " in text) == (status, True, True), (command, text)
    assert told("logs", identity)[0] == 0

    mortal.start()
    assert statuses() == {"lost"}
    says("lost: `bottle resume` goes on", ("list", "--all"), ("info", identity))
    status, text = told("attach", identity)
    assert (status, "is not running" in text) == (PASSED_THROUGH + NOT_RUNNING, True)
    said = worker.bottle("resume", identity, "--yes", "--detach")
    assert "bottle: what it held cannot be kept: " in said
    assert json.loads(told("list", "--json")[1])[0]["identity"] == identity
    assert told("stop", "--all")[0] == 0
    assert told("cleanup", "--yes")[0] == 0
    assert (mortal.holds(), worker.states()) == ([], [])


def test_bottles_that_begin_and_end_beside_each_other_leave_nothing_of_any_kind(
    mortal: Engine, worker: Host, report: Report
) -> None:
    """Two at a time: one does its task, the launcher of the other is killed at some moment of it. Each has a git gate,
    so that there is a volume, too."""
    (worker.home / "bottles/shell.md").write_text(WITH_A_GATE)
    both = Worker.measured(worker, report)  # the first one makes chains and groups that stay with an engine
    before = mortal.traces()
    identity = started(worker)
    made = " ".join(sorted(set(mortal.traces()) - set(before)))
    assert [kind for kind in TRACES if kind not in made] == []  # nothing is counted that is never there
    worker.bottle("stop", identity)
    for seed in SEEDS:
        doing = worker.launch("run", "worker", NOTE)
        both.kill("run", seed, "run", "worker", f"{NOTE}; sleep 60")
        said, _ = doing.communicate(timeout=ENOUGH)
        assert doing.returncode == 0, said
        both.set_right("two bottles beside each other, one of them killed")
        assert mortal.holds() == []
        wait_until(lambda: mortal.traces() == before, ENOUGH, f"{set(mortal.traces()) ^ set(before)}")

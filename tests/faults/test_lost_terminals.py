"""The terminal of a launcher is closed, at the question, during the start and while the agent runs: nothing is left."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import define

from tests.faults.conftest import ENOUGH, Host
from tests.faults.workers import NOTE, everyday_on, make_worker, notes
from tests.support.boxes import wait_until

HUNG_UP = 129


@define
class Terminal:
    """One that is there until `close`; `said` is all that came to it."""

    master: int
    process: "subprocess.Popen[bytes]"
    said: bytes = b""

    def wait_for(self, text: str) -> None:
        while text.encode() not in self.said:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                piece = b""
            assert piece, f"it ended before '{text}': {self.said.decode(errors='replace')}"
            self.said += piece

    def close(self) -> int:
        """The status of the launcher, whose session the kernel sends SIGHUP."""
        os.close(self.master)
        self.master = -1
        return self.process.wait(ENOUGH)


@contextmanager
def terminal(host: Host, *arguments: str) -> Iterator[Terminal]:
    """A launcher that leads a session on a terminal of its own."""
    master, slave = os.openpty()
    words = ["setsid", "--ctty", *host.words(*arguments)]
    process = subprocess.Popen(words, env=host.environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    there = Terminal(master, process)
    try:
        yield there
    finally:
        if there.master >= 0:
            os.close(there.master)
        process.wait(ENOUGH)


@pytest.fixture(scope="module")
def worker(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = make_worker(tmp_path_factory.mktemp("terminals"), backend)
    yield host
    host.bottle("cleanup", "--yes")


def test_at_the_question(worker: Host) -> None:
    with terminal(worker, "start", "worker", "--label", "one", "--color", "red") as closed:
        closed.wait_for("start this bottle?")
        assert closed.close() == HUNG_UP
    assert (worker.made(), worker.states()) == ([], [])


@pytest.mark.parametrize("stage", ["bottle: making", "proving"])
def test_during_the_start(worker: Host, stage: str) -> None:
    with terminal(worker, "start", "worker", "--yes") as closed:
        closed.wait_for(stage)
        assert closed.close() == HUNG_UP
    assert (worker.made(), worker.states()) == ([], [])


def test_while_the_agent_runs(worker: Host) -> None:
    """Its session is taken out all the same, though nobody can be told a word any more."""
    with terminal(worker, "start", "worker", "--yes", "--", "-c", f"{NOTE}; echo on; sleep 100") as closed:
        closed.wait_for("on\r\n")
        assert closed.close() == HUNG_UP
    assert worker.made() == []
    (identity,) = worker.states()
    assert notes(worker, identity) == ["noted"]
    worker.bottle("cleanup", "--yes")


@everyday_on("bubblewrap")
def test_a_run_whose_streams_are_closed_has_its_agents_status(worker: Host) -> None:
    """As a daemon may start it: there is nobody to tell, and the task is done all the same."""
    begin = "from bottle.cli.program import main; main()"
    words = [worker.python, "-c", begin, "run", "worker", f"{NOTE}; exit 3"]
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words]
    assert subprocess.run(closed, env=worker.environment, timeout=ENOUGH, check=False).returncode == 3
    assert worker.made() == []
    (identity,) = worker.states()
    assert notes(worker, identity) == ["noted"]
    worker.bottle("cleanup", "--yes")


def test_whoever_listens_to_a_run_may_leave(worker: Host) -> None:
    """`bottle run ... --stream 2>&1 | head -1`: the task is done, torn down and kept all the same."""
    process = worker.launch("run", "worker", f"echo on; {NOTE}; for i in 1 2 3; do echo $i; done", "--stream")
    assert process.stdout is not None
    while process.stdout.readline() != "| on\n":
        pass
    process.stdout.close()
    assert process.stdin is not None
    process.stdin.close()
    process.wait(ENOUGH)
    wait_until(lambda: worker.made() == [], ENOUGH, "something is left")
    (identity,) = worker.states()
    assert notes(worker, identity) == ["noted"]
    worker.bottle("cleanup", "--yes")

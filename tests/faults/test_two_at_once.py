"""Two commands on one bottle at the same time: one does its work, the other says in a line why it did not."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import ENOUGH, PROVING, WAITING, Host, wait_for
from tests.faults.workers import NOTE, everyday_on, make_worker, noted, notes, started
from tests.support.boxes import wait_until

LONG = "head -c 80000000 /dev/zero > ~/.sessions/long"
CONFLICT, NOT_FOUND = 9, 4


@pytest.fixture(scope="module")
def worker(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = make_worker(tmp_path_factory.mktemp("two"), backend)
    yield host
    host.bottle("cleanup", "--yes")


def both(host: Host, first: tuple[str, ...], second: tuple[str, ...]) -> list[tuple[int, str]]:
    """Statuses and what was said, of two commands that begin together."""
    processes = [host.launch(*first), host.launch(*second)]
    said = [process.communicate(timeout=ENOUGH)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def the_error(said: str) -> str:
    """The only one, and no surprise."""
    [error] = [line for line in said.splitlines() if line.startswith("bottle: error: ")]
    assert "unforeseen" not in error
    return error


@everyday_on("bubblewrap")
def test_of_two_that_resume_one_does(worker: Host) -> None:
    identity = noted(worker)
    resume = ("run", "worker", f"{NOTE}; sleep 3", "--resume", identity)
    (winner, _), (loser, said) = sorted(both(worker, resume, resume))
    assert (winner, loser) == (0, 100 + CONFLICT), said
    assert identity in the_error(said)
    assert notes(worker, identity) == ["noted", "noted"]
    worker.bottle("cleanup", "--yes")


@everyday_on("bubblewrap")
def test_of_two_that_stop_one_does(worker: Host) -> None:
    identity = started(worker)
    worker.bottle("exec", identity, "--", "sh", "-c", f"{NOTE}; {LONG}")
    (winner, stopped), (loser, said) = sorted(both(worker, ("stop", identity), ("stop", identity)))
    assert (winner, stopped) == (0, f"stopped {identity}\n")
    assert loser in {CONFLICT, NOT_FOUND}, said
    assert identity in the_error(said)
    assert notes(worker, identity) == ["noted"]
    worker.bottle("cleanup", "--yes")


@everyday_on("bubblewrap")
def test_a_clean_up_takes_nothing_from_under_a_stop(worker: Host) -> None:
    identity = started(worker)
    worker.bottle("exec", identity, "--", "sh", "-c", f"{NOTE}; {LONG}")
    process = worker.launch("stop", identity)
    snapshot = worker.home / "state" / identity / "snapshot"
    wait_until(lambda: snapshot.exists() and any(snapshot.iterdir()), ENOUGH, "nothing is taken out")
    worker.bottle("cleanup", "--yes")
    said, _ = process.communicate(timeout=ENOUGH)
    assert (process.returncode, said) == (0, f"stopped {identity}\n")
    if identity in worker.states():  # else the clean-up came after the stop was done
        assert notes(worker, identity) == ["noted"]
    worker.bottle("cleanup", "--yes")


def test_a_start_that_is_stopped_before_it_was_done(worker: Host) -> None:
    """Whoever comes first: the start ends with an error, or it was too early for anybody to stop it."""
    process = worker.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, PROVING, worker)
    (identity,) = worker.states()
    stopping = worker.launch("stop", identity)
    told, _ = stopping.communicate(timeout=ENOUGH)
    if stopping.returncode:
        assert stopping.returncode in {CONFLICT, NOT_FOUND}, told
        process.terminate()
    said, _ = process.communicate(timeout=ENOUGH)
    assert process.returncode in {105, 143}, said
    if process.returncode == 105:
        the_error(said)
    assert worker.made() == []
    worker.bottle("cleanup", "--yes")

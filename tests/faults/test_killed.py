"""The launcher is killed (SIGKILL) at any moment of a run, a stop, a resume or a clean-up; seeds say when.

Whenever it happens: what was kept stays whole, the agent's session is never lost, nothing runs without the way out, and
one clean-up leaves nothing. BOTTLE_FAULTS says how many seeds each case gets (`make faults`); what was found goes into
the file that BOTTLE_FAULTS_REPORT names.
"""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import ENOUGH
from tests.faults.workers import NOTE, SEEDS, Report, Worker, everyday_on, make_worker, noted, notes, started
from tests.support.boxes import wait_until

LONG = "head -c 80000000 /dev/zero > ~/.sessions/long"
"""Makes a session that is not taken out in a moment."""


@pytest.fixture(scope="module")
def worker(backend: str, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    host = make_worker(tmp_path_factory.mktemp("killed"), backend)
    yield Worker.measured(host, report)
    host.bottle("cleanup", "--yes")


@everyday_on("docker")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run(worker: Worker, seed: int) -> None:
    worker.kill("run", seed, "run", "worker", f"{NOTE}; sleep 60")
    assert "running" not in worker.host.bottle("list", "--all")
    worker.set_right("run")


@everyday_on("bubblewrap")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_stop_loses_no_session(worker: Worker, seed: int) -> None:
    identity = started(worker.host)
    worker.host.bottle("exec", identity, "--", "sh", "-c", NOTE)
    worker.kill("stop", seed, "stop", identity)
    if "running" in worker.host.bottle("list", "--all"):
        worker.host.bottle("stop", identity)
    assert notes(worker.host, identity) == ["noted"]
    worker.set_right("stop")


@everyday_on("docker")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_resume_loses_no_session(worker: Worker, seed: int) -> None:
    identity = noted(worker.host)
    worker.kill("resume", seed, "run", "worker", f"{NOTE}; sleep 60", "--resume", identity)
    assert notes(worker.host, identity)[0] == "noted"
    worker.set_right("resume")


@everyday_on("bubblewrap")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_up_is_finished_by_the_next(worker: Worker, seed: int) -> None:
    kept, running = noted(worker.host), started(worker.host)
    worker.kill("cleanup", seed, "cleanup", "--yes")
    worker.host.bottle("stop", running)
    assert set(worker.host.states()) - {kept} == {running}
    worker.set_right("clean-up")


@everyday_on("bubblewrap")
def test_a_stop_in_the_middle_of_taking_out_a_session(worker: Worker) -> None:
    """Half of it is never taken for the whole: the box still has it, and the next stop takes it."""
    identity = started(worker.host)
    worker.host.bottle("exec", identity, "--", "sh", "-c", f"{NOTE}; {LONG}")
    snapshot = worker.host.home / "state" / identity / "snapshot"
    process = worker.host.launch("stop", identity)
    wait_until(lambda: any(snapshot.glob(".transcript.*")), ENOUGH, "nothing was taken out")
    process.kill()
    process.communicate(timeout=ENOUGH)
    assert not (snapshot / "transcript.tar").exists()
    worker.host.bottle("stop", identity)
    assert (snapshot / "transcript.tar").stat().st_size > 80_000_000
    assert notes(worker.host, identity) == ["noted"]
    worker.set_right("stop, while the session is taken out")

"""Parts of a bottle are killed while its agent asks and asks; seeds say when.

However its way out dies: the box reaches nothing any more by any address that it could know, not an origin that stands
open to the whole host; and each request that came to the origin before stands in the trail as allowed.
"""

import json
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final

import docker
import pytest
from attrs import frozen

from bottle.adapters.docker.names import Names
from tests.faults.conftest import ENOUGH, Host
from tests.faults.origins import Origin, origin_for
from tests.faults.workers import NOTE, READ, SEEDS, Report, make_worker, started
from tests.support.boxes import Parts, wait_until

ASKING: Final = "i=0; while :; do i=$((i+1)); curl -s -o /dev/null -m 5 -d n=$i http://origin.example/$i; done"
ONE: Final = "curl -s -o /dev/null -m 1 {how} http://{where}/probe && echo open || echo closed"
THROUGH: Final = ONE.format(how="", where="origin.example")
PROGRAM: Final = {"way out": "sidecars.egress", "monitor": "docker-init"}


@frozen
class Stage:
    """A home with an agent that may ask one origin."""

    host: Host
    origin: Origin
    report: Report

    @contextmanager
    def asking(self, identity: str) -> Iterator[None]:
        """Inside, an agent asks without end and is answered."""
        process = self.host.launch("exec", identity, "--", "sh", "-c", ASKING)
        try:
            wait_until(lambda: self.origin.paths, ENOUGH, "nothing came to the origin")
            yield
        finally:
            process.kill()
            process.communicate(timeout=ENOUGH)

    def allowed(self, identity: str) -> set[str]:
        """The paths that stand in the trail as allowed; what was cut off has the line of its beginning."""
        lines = map(json.loads, (self.host.home / "state" / identity / "egress/audit.jsonl").read_text().splitlines())
        return {line["path"] for line in lines if line["kind"] in ("opened", "http") and line["allowed"]}

    def open_ways(self, identity: str) -> Sequence[str]:
        """Those by which the box reaches the origin."""
        direct = (self.origin.address, "127.0.0.1", "172.17.0.1", "198.18.0.1", "origin.example")
        ways = [*(ONE.format(how="--noproxy '*'", where=f"{place}:{self.origin.port}") for place in direct), THROUGH]
        said = self.host.bottle("exec", identity, "--", "sh", "-c", "\n".join(ways)).split()
        return [way for way, outcome in zip(ways, said, strict=True) if outcome == "open"]

    def kill(self, identity: str, part: str) -> None:
        """SIGKILL for the way out, for what watches over it, or for the box."""
        if self.host.backend == "docker":
            os.kill(_in_engine(identity, part), signal.SIGKILL)
            return
        parts = Parts.of(self.host.home, identity)
        numbers: Mapping[str, int] = {"monitor": parts.egress[0], "way out": parts.egress[1], "box": parts.box[1]}
        os.kill(numbers[part], signal.SIGKILL)

    def set_right(self, fault: str) -> None:
        """One clean-up, after which nothing may be left of anything."""
        began = time.monotonic()
        self.host.bottle("cleanup", "--yes")
        self.report.add(f"{fault} ({self.host.backend})", time.monotonic() - began)
        assert (self.host.made(), self.host.states()) == ([], [])


def _in_engine(identity: str, part: str) -> int:
    """The number of a process in a container, as this host counts."""
    with closing(docker.APIClient()) as client:
        if part == "box":
            return int(client.inspect_container(Names(identity).box)["State"]["Pid"])
        rows = client.top(Names(identity).sidecar)["Processes"]
        return next(int(row[1]) for row in rows if PROGRAM[part] in row[-1])


@pytest.fixture(scope="module")
def stage(backend: str, report: Report, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with origin_for(backend) as origin:
        host = make_worker(tmp_path_factory.mktemp("parts"), backend, origin.settings)
        yield Stage(host, origin, report)
        host.bottle("stop", "--all")
        host.bottle("cleanup", "--yes")


@pytest.mark.parametrize("part", ["way out", "monitor"] if len(SEEDS) > 1 else ["way out"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_way_out_that_is_killed_opens_nothing_and_hides_nothing(stage: Stage, part: str, seed: int) -> None:
    host, origin = stage.host, stage.origin
    identity = started(host)
    assert stage.open_ways(identity) == [THROUGH]
    origin.paths.clear()
    with stage.asking(identity):
        time.sleep(random.Random(f"{part} {seed}").uniform(0, 1))
        stage.kill(identity, part)
        wait_until(lambda: "running" not in host.bottle("list", "--all"), ENOUGH, "it goes on")
        arrived = list(origin.paths)
        assert stage.open_ways(identity) == []
    assert origin.paths == arrived
    assert set(arrived) <= stage.allowed(identity)
    stage.set_right(f"{part} killed")


def test_an_agent_that_is_killed_keeps_its_session(stage: Stage) -> None:
    process = stage.host.launch("run", "worker", f"{NOTE}; kill -9 $$", "--json")
    said, _ = process.communicate(timeout=ENOUGH)
    told = json.loads(said[said.index("{") :])
    assert (process.returncode, told["exit_status"], told["interrupted"]) == (137, 137, False)
    assert "noted" in stage.host.bottle("run", "worker", READ, "--resume", told["identity"])
    stage.set_right("agent killed")


def test_a_run_that_is_asked_to_end_tells_what_came_of_it(stage: Stage) -> None:
    process = stage.host.launch("run", "worker", f"{NOTE}; echo on; sleep 100", "--stream", "--json")
    assert process.stdout is not None
    while (line := process.stdout.readline()) != "| on\n":
        assert line, "it ended before"
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=ENOUGH)
    told = json.loads(said[said.index("{") :])
    assert (process.returncode, told["exit_status"]) == (143, None)
    assert (told["interrupted"], told["timed_out"], told["result"]) == (True, False, "on")
    assert stage.host.made() == []
    assert "noted" in stage.host.bottle("run", "worker", READ, "--resume", told["identity"])
    stage.set_right("run asked to end")


def test_who_waits_for_a_box_that_is_killed_is_told_so_and_nothing_is_left(stage: Stage) -> None:
    process = stage.host.launch("run", "worker", "echo on; sleep 100", "--stream", "--json")
    assert process.stdout is not None
    while (line := process.stdout.readline()) != "| on\n":
        assert line, "it ended before"
    (identity,) = stage.host.states()
    stage.kill(identity, "box")
    said, _ = process.communicate(timeout=ENOUGH)
    assert process.returncode == 105
    assert "the box went away" in json.loads(said[said.index("{") :])["error"]["message"]
    assert stage.host.made() == []
    stage.set_right("box killed")

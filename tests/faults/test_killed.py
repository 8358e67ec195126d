"""The launcher is killed (SIGKILL) at any moment of a run, a stop or a resume; seeds say when.

Whenever it happens: what was kept stays whole, the agent's session is never lost, nothing runs without the way out, and
one clean-up leaves nothing. BOTTLE_FAULTS says how many seeds each case gets (`make faults`); what was found goes into
the file that BOTTLE_FAULTS_REPORT names.
"""

import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

from tests.faults.conftest import ENOUGH, Host, make_host
from tests.support.requirements import require

SEEDS: Final = range(int(os.environ.get("BOTTLE_FAULTS", "1")))
LONGEST: Final[Mapping[str, float]] = {"run": 3.0, "stop": 1.5, "resume": 3.0}
"""Seconds within which the killing falls: about what each takes on an idle machine."""
PLUGIN: Final = """\
from bottle.plugin import AgentProvider, Provision


class Shell(AgentProvider):
    def provision(self, wish):
        return Provision(argv=("sh", *wish.arguments), transcript=(f"{wish.home}/.sessions",), headless=wish.headless)
"""
NOTE: Final = "mkdir -p ~/.sessions; echo noted >> ~/.sessions/notes"
READ: Final = "cat ~/.sessions/notes"


@define
class Recoveries:
    """How long it took to set right what each killing left, in seconds, by case."""

    seconds: dict[str, list[float]] = field(factory=dict)

    def report(self) -> str:
        lines = ["| killed | times | lost or leaked | recovery, median | longest |", "|---|---|---|---|---|"]
        for case, found in self.seconds.items():
            lines.append(f"| {case} | {len(found)} | 0 | {statistics.median(found):.1f} s | {max(found):.1f} s |")
        return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def recoveries() -> Iterator[Recoveries]:
    """Written down at the end; a case that lost or leaked anything has failed and is not in it."""
    found = Recoveries()
    yield found
    if path := os.environ.get("BOTTLE_FAULTS_REPORT"):
        Path(path).write_text(found.report())


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A home whose agent is a shell that does its task, and notes that in what counts as its session."""
    require("bubblewrap")
    host = make_host(tmp_path_factory.mktemp("killed"), "bubblewrap")
    for name, text in {
        "contrib/sh/agent_provider.py": PLUGIN,
        "bottles/shell.md": "---\nagent_provider: {template: sh}\n---\n",
        "agents/worker.md": "---\nbottle: shell\n---\n",
    }.items():
        path = host.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield host
    host.bottle("cleanup", "--yes")


def killed(host: Host, case: str, seed: int, *arguments: str) -> str:
    """The command, killed at the seed's moment unless it ended before; what it said."""
    moment = random.Random(f"{case} {seed}").uniform(0, LONGEST[case])
    process = host.launch(*arguments)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.communicate(timeout=ENOUGH)[0]


def set_right(host: Host) -> float:
    """The seconds that one clean-up takes, after which nothing may be left of anything."""
    began = time.monotonic()
    host.bottle("cleanup", "--yes")
    seconds = time.monotonic() - began
    assert (host.made(), host.states()) == ([], [])
    return seconds


def noted(host: Host) -> str:
    """The identity of a bottle that ended with one note in its session."""
    before = set(host.states())
    host.bottle("run", "worker", NOTE)
    (identity,) = set(host.states()) - before
    return identity


def notes(host: Host, identity: str) -> list[str]:
    """What stands in the bottle's session, told by the bottle itself."""
    said = host.bottle("run", "worker", READ, "--resume", identity, "--json")
    return str(json.loads(said[said.index("{") :])["result"]).split()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run(worker: Host, recoveries: Recoveries, seed: int) -> None:
    killed(worker, "run", seed, "run", "worker", f"{NOTE}; sleep 60")
    assert "running" not in worker.bottle("list", "--all")
    recoveries.seconds.setdefault("run", []).append(set_right(worker))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stop_loses_no_session(worker: Host, recoveries: Recoveries, seed: int) -> None:
    identity = worker.bottle("start", "worker", "--yes", "--detach").splitlines()[-1]
    worker.bottle("exec", identity, "--", "sh", "-c", NOTE)
    killed(worker, "stop", seed, "stop", identity)
    if "running" in worker.bottle("list", "--all"):
        worker.bottle("stop", identity)
    assert notes(worker, identity) == ["noted"]
    recoveries.seconds.setdefault("stop", []).append(set_right(worker))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_resume_loses_no_session(worker: Host, recoveries: Recoveries, seed: int) -> None:
    identity = noted(worker)
    killed(worker, "resume", seed, "run", "worker", f"{NOTE}; sleep 60", "--resume", identity)
    assert notes(worker, identity)[0] == "noted"
    recoveries.seconds.setdefault("resume", []).append(set_right(worker))

"""A home whose agent is a shell that does its task; commands in it that are killed; what is found and written down."""

import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

from tests.faults.conftest import BACKENDS, ENOUGH, Host, make_host

SEEDS: Final = range(int(os.environ.get("BOTTLE_FAULTS", "1")))
"""How often each fault strikes, each time at another moment."""
AT_LENGTH: Final = len(SEEDS) > 1
"""Whether this is `make faults`, which leaves nothing out, and no everyday run."""
PLUGIN: Final = """\
from bottle.plugin import AgentProvider, Provision


class Shell(AgentProvider):
    image = "claude"

    def provision(self, wish):
        return Provision(argv=("sh", *wish.arguments), transcript=(f"{wish.home}/.sessions",), headless=wish.headless)
"""
NOTE: Final = "mkdir -p ~/.sessions; echo noted >> ~/.sessions/notes"
READ: Final = "cat ~/.sessions/notes"


def everyday_on(backend: str) -> pytest.MarkDecorator:
    """For what strikes code that all backends share: every day on this one, at length on all."""
    return pytest.mark.parametrize("backend", BACKENDS if AT_LENGTH else [backend], indirect=True)


@define
class Report:
    """What each fault did, and how long it took to set right, in seconds."""

    recoveries: dict[str, list[float]] = field(factory=dict)

    def add(self, fault: str, seconds: float) -> None:
        self.recoveries.setdefault(fault, []).append(seconds)

    def table(self) -> str:
        lines = ["| fault | times | open, lost or leaked | recovery, median | longest |", "|---|---|---|---|---|"]
        for fault, found in sorted(self.recoveries.items()):
            lines.append(f"| {fault} | {len(found)} | 0 | {statistics.median(found):.1f} s | {max(found):.1f} s |")
        return "\n".join(lines) + "\n"

    def write(self) -> None:
        """Into the file that BOTTLE_FAULTS_REPORT names; a fault that opened, lost or leaked anything has failed its
        test and is not in it."""
        if (path := os.environ.get("BOTTLE_FAULTS_REPORT")) and self.recoveries:
            Path(path).write_text(self.table(), encoding="utf-8")


def make_worker(folder: Path, backend: str, settings: str = "") -> Host:
    """A home whose agent `worker` is a shell that does its task, and notes that in what counts as its session.

    `settings` are further lines of its bottle's manifest.
    """
    host = make_host(folder, backend)
    for name, text in {
        "contrib/sh/agent_provider.py": PLUGIN,
        "bottles/shell.md": f"---\nagent_provider: {{template: sh}}\n{settings}---\n",
        "agents/worker.md": "---\nbottle: shell\n---\n",
    }.items():
        path = host.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return host


@define
class Worker:
    """Such a home, and how long its commands take here: a killing falls somewhere within that."""

    host: Host
    report: Report
    longest: Mapping[str, float]

    @classmethod
    def measured(cls, host: Host, report: Report) -> "Worker":
        """One run and one stop that nothing happens to."""
        began = time.monotonic()
        noted(host)
        run = time.monotonic() - began
        identity = started(host)
        began = time.monotonic()
        host.bottle("stop", identity)
        stop = time.monotonic() - began
        host.bottle("cleanup", "--yes")
        return cls(host, report, {"run": run, "resume": run, "stop": stop, "cleanup": stop})

    def kill(self, case: str, seed: int, *arguments: str) -> None:
        """The command, killed at the seed's moment unless it ended before."""
        moment = random.Random(f"{case} {seed}").uniform(0, self.longest[case])
        process = self.host.launch(*arguments)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate(timeout=ENOUGH)

    def set_right(self, fault: str) -> None:
        """One clean-up, after which nothing may be left of anything."""
        began = time.monotonic()
        self.host.bottle("cleanup", "--yes")
        self.report.add(f"{fault} ({self.host.backend})", time.monotonic() - began)
        assert (self.host.made(), self.host.states()) == ([], [])


def started(host: Host) -> str:
    """The identity of a bottle that was left running."""
    return host.bottle("start", "worker", "--yes", "--detach").splitlines()[-1]


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

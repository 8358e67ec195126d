"""What a start consists of: its steps one after the other, on each backend, beside the bare calls that are its floor.

    python -m benchmarks.start_steps [rounds] [--plot FILE]

Measured in turns: the floor (docker: the same networks and containers by bare SDK calls; bubblewrap: a bare bwrap),
the program up to its plan (`bottle start --dry-run`, a process of its own), and each step from there to the end of the
first command inside. Prints medians in milliseconds; the first round warms all up. What this machine lacks is left out.
"""

import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import docker
from attrs import define, field, frozen

from benchmarks import embedded, start
from bottle.adapters.certificates import LocalAuthority
from bottle.app.ports import Backend, Cargo
from bottle.domain.plan import BottlePlan, Image
from tests.support import bottles
from tests.support.requirements import missing

FLOOR: Final = "the floor"
ROOT: Final = Path(__file__).resolve().parents[1]
_PROGRAM: Final = (sys.executable, "-c", "from bottle.cli.program import main; main()")

Taken = Mapping[str, float]
"""Milliseconds by step, in the order of the steps; the floor first."""


@define
class Marks:
    """ports.Progress: which step began when (seconds)."""

    began: list[tuple[str, float]] = field(factory=list)

    def step(self, text: str) -> None:
        self.began.append((text, time.perf_counter()))

    def detail(self, text: str) -> None:
        """Steps alone are measured."""

    @contextmanager
    def during(self, text: str) -> Iterator[None]:
        self.step(text)
        yield
        self.step("")

    def taken(self) -> Iterator[tuple[str, float]]:
        for (text, began), (_, ended) in zip(self.began, self.began[1:], strict=False):
            if text:
                yield text, (ended - began) * 1000


@frozen
class Ground:
    """A backend, what its boxes are made of, and one run of its floor (seconds)."""

    backend: Backend
    images: tuple[Image, Image]
    floor: Callable[[BottlePlan], float]


def engine() -> Ground:
    client: Any = docker.from_env().api
    backend = bottles.docker_backend(start.OWNER)

    def floor(plan: BottlePlan) -> float:
        with bottles.audit_directory() as audit:
            try:
                return start.floor(client, plan, audit)
            finally:
                backend.destroy(plan.identity)

    return Ground(backend, bottles.images_for_tests(), floor)


def namespaces() -> Ground:
    return Ground(bottles.bubblewrap_backend(start.OWNER), bottles.PROGRAMS, lambda _: embedded.bare())


def one_start(ground: Ground, plan: BottlePlan) -> Taken:
    """The floor, and then the whole way, step by step."""
    floor = ground.floor(plan) * 1000
    marks = Marks()
    with bottles.audit_directory() as audit:
        with marks.during("the program, its plan"):
            _dry_run(ground.backend.name)
        with marks.during("certificates"):
            cargo = Cargo(LocalAuthority().issue(plan.identity, embedded.HOSTS, datetime.now(UTC)))
        try:
            launched = ground.backend.launch(plan, cargo, audit, marks, bottles.never)
            with marks.during("the first command"):
                launched.run(["true"])
        finally:
            ground.backend.destroy(plan.identity)
    return {FLOOR: floor, **dict(marks.taken())}


def _dry_run(backend: str) -> None:
    environment = {**os.environ, "BOT_BOTTLE_HOME": str(ROOT / "examples")}
    argv = [*_PROGRAM, "start", "reviewer", "--backend", backend, "--dry-run"]
    subprocess.run(argv, env=environment, check=True, capture_output=True)


def measured(grounds: Mapping[str, Ground], rounds: int) -> Mapping[str, Taken]:
    """The median of each step, by backend."""
    times: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in grounds}
    for number in range(rounds + 1):
        for name, ground in grounds.items():
            for step, taken in one_start(ground, bottles.a_plan(ground.images)).items():
                if number:
                    times[name][step].append(taken)
    return {name: {step: statistics.median(taken) for step, taken in found.items()} for name, found in times.items()}


def table(name: str, found: Taken) -> str:
    whole = sum(taken for step, taken in found.items() if step != FLOOR)
    rows = [(name, "ms"), ("---", "---"), *((step, f"{taken:.0f}") for step, taken in found.items())]
    return "\n".join(f"| {step} | {taken} |" for step, taken in (*rows, ("all steps", f"{whole:.0f}")))


def main(arguments: Sequence[str]) -> None:
    words = list(arguments)
    plot = Path(words.pop(words.index("--plot") + 1)) if "--plot" in words else None
    rounds = next((int(word) for word in words if word.isdecimal()), 12)
    known = {"docker": engine, "bubblewrap": namespaces}
    found = measured({name: ground() for name, ground in known.items() if missing(name) is None}, rounds)
    for name, steps in found.items():
        sys.stdout.write(f"{table(name, steps)}\n\n")
    if plot is not None:
        from benchmarks.start_plot import drawn

        plot.write_text(drawn(found))


if __name__ == "__main__":
    main(sys.argv[1:])

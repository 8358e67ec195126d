"""What a further bottle costs as their number grows: its start, its memory, its processor time when idle and busy.

    python -m benchmarks.many [bubblewrap COUNT] [docker COUNT] [--plot FILE]

Bottles are started one after the other and stay. At each step it is measured how long the last start took and how much
processor time it used; how much memory each holds (the sum of its processes' proportional set sizes, so that what they
share counts once); what each uses while nothing happens; and what a request takes that the way out refuses, while all
ask at once (on bubblewrap with the client's own time). Prints a table; identities, networks and ports must not
collide, or a start fails. Without arguments: 30 on bubblewrap, and 10 on a Docker engine.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import docker
from attrs import frozen

from bottle.adapters.bubblewrap.runtime import Runtimes
from bottle.app.ports import Backend, Bottle
from bottle.domain.plan import Image
from tests.support import bottles

OWNER: Final = "bench:many"
IDLE_SECONDS: Final = 4.0
REQUESTS: Final = 20
BUSY: Final = (
    "sh",
    "-c",
    f"""i=0
    while [ $i -lt {REQUESTS} ]; do
        [ $(curl -s -o /dev/null -w '%{{http_code}}' -x http://egress:8888 http://refused.example/) = 403 ] || exit
        i=$((i+1))
    done""",
)
"""Ends with status 1 where the way out does not refuse."""
PROC: Final = Path("/proc")
_TICK: Final = 100.0
"""Of /proc/PID/stat, a second; the same on every Linux that Python runs on."""


@frozen
class Step:
    """What was measured with so many bottles there; milliseconds and MiB, each for one bottle."""

    count: int
    start: float
    start_cpu: float
    memory: float
    processes: float
    idle_cpu: float
    busy_cpu: float


@frozen
class Ground:
    """A backend, its images, and how to find the first processes of all its bottles."""

    backend: Backend
    images: tuple[Image, Image]
    roots: Callable[[], set[int]]


def measured(ground: Ground, counts: Sequence[int]) -> Iterator[Step]:
    with ExitStack() as stack:
        there: list[Bottle] = []
        for count in counts:
            starts = []
            while len(there) < count:
                starts.append(_start(ground, stack, there))
            took, cpu = (statistics.median(values) for values in zip(*starts, strict=True))
            processes = family(ground.roots())
            idle = _used(ground, lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS
            with ThreadPoolExecutor(len(there)) as pool:
                busy = _used(ground, lambda: list(pool.map(_ask, there)))
            yield Step(
                count,
                took * 1000,
                cpu * 1000,
                sum(map(memory_of, processes)) / count / 1024,
                len(processes) / count,
                idle / count * 1000,
                busy / count / REQUESTS * 1000,
            )


def _start(ground: Ground, stack: ExitStack, there: list[Bottle]) -> tuple[float, float]:
    """Seconds, and of these the processor's."""
    before = sum(map(cpu_of, family(ground.roots())))
    began, own = time.perf_counter(), time.process_time()
    there.append(stack.enter_context(bottles.launched(ground.backend, bottles.a_plan(ground.images))))
    took, used = time.perf_counter() - began, time.process_time() - own
    return took, used + sum(map(cpu_of, family(ground.roots()))) - before


def _ask(bottle: Bottle) -> None:
    done = bottle.run(BUSY, timeout=600)
    if done.status:
        raise SystemExit(f"the way out of {bottle.identity} refuses nothing")


def _used(ground: Ground, work: Callable[[], object]) -> float:
    """Seconds of the processor that all bottles used meanwhile."""
    before = {number: cpu_of(number) for number in family(ground.roots())}
    work()
    return sum(cpu_of(number) - before.get(number, 0.0) for number in family(ground.roots()))


def family(roots: set[int]) -> set[int]:
    """The processes and all that descend from them."""
    parents = {int(path.name): parent_of(int(path.name)) for path in PROC.glob("[0-9]*")}
    found = set(roots)
    while more := {number for number, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def parent_of(number: int) -> int:
    fields = _stat(number)
    return int(fields[1]) if fields else 0


def cpu_of(number: int) -> float:
    """Seconds that a process and those of its children that ended have used; 0 for one that is gone."""
    fields = _stat(number)
    return sum(int(field) for field in fields[11:15]) / _TICK if fields else 0.0


def memory_of(number: int) -> int:
    """Its proportional set size, in KiB; 0 for one that is gone."""
    try:
        text = (PROC / str(number) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _stat(number: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5)); none for one that is gone."""
    try:
        return (PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def bubblewrap() -> Ground:
    backend = bottles.bubblewrap_backend(OWNER)
    found = backend._ground  # noqa: SLF001 - where its sockets lie, by which its keepers are known
    root = Runtimes(OWNER, getattr(found, "number", None)).of("any-00000").path.parent
    return Ground(backend, bottles.PROGRAMS, lambda: set(_holders(str(root))))


def _holders(root: str) -> Iterator[int]:
    """Processes that have something below the directory open."""
    for path in PROC.glob("[0-9]*"):
        try:
            if any(str(link.readlink()).startswith(root) for link in (path / "fd").iterdir()):
                yield int(path.name)
        except OSError:
            continue


def engine() -> Ground:
    client: Any = docker.from_env()
    mine = {"label": f"bot-bottle.owner={OWNER}"}

    def roots() -> set[int]:
        return {
            int(client.api.inspect_container(one.id)["State"]["Pid"]) for one in client.containers.list(filters=mine)
        }

    return Ground(bottles.docker_backend(OWNER), bottles.images_for_tests(), roots)


def table(name: str, steps: Sequence[Step]) -> str:
    headings = (
        f"{name}: bottles",
        "start",
        "of it processor",
        "memory each",
        "processes each",
        "idle, each",
        "a refusal",
    )
    rows = (
        (
            *(f"{step.count}", f"{step.start:.0f} ms", f"{step.start_cpu:.0f} ms", f"{step.memory:.1f} MiB"),
            *(f"{step.processes:.1f}", f"{step.idle_cpu:.2f} ms/s", f"{step.busy_cpu:.1f} ms"),
        )
        for step in steps
    )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows))


def counts_up_to(count: int) -> list[int]:
    return sorted({1, *(number for number in (2, 5, 10, 15, 20, 25) if number < count), count})


def main(arguments: Sequence[str]) -> None:
    grounds = {"bubblewrap": bubblewrap, "docker": engine}
    words = list(arguments)
    plot = Path(words.pop(words.index("--plot") + 1)) if "--plot" in words else None
    wanted = [word for word in words if word != "--plot"] or ["bubblewrap", "30", "docker", "10"]
    found: dict[str, list[Step]] = {}
    for name, count in zip(wanted[::2], wanted[1::2], strict=True):
        found[name] = list(measured(grounds[name](), counts_up_to(int(count))))
        sys.stdout.write(f"{table(name, found[name])}\n\n")
        sys.stdout.flush()
    if plot is not None:
        from benchmarks.many_plot import drawn

        plot.write_text(drawn(found))


if __name__ == "__main__":
    main(sys.argv[1:])

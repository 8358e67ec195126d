"""What a way out costs: nothing in between, a bare TLS forwarder (the floor), ours, squid, srt and mitmproxy, in turns.

`python benchmarks/egress/run.py [--rounds N] [--seconds S] [--megabytes N] [--only direct ours ...] [--json FILE]`

Prints a Markdown table of medians, and which of the goals were reached. The load generator and origin are C (`load.c`,
built here with `cc`), so that they are not what is measured. The engine has one core, client and origin the other.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.egress.engines import ALL, CORES, HOST, LOAD_CORE, Engine, MissingError, Origin, on, wait_for  # noqa: E402
from tests.egress.harness import TestCa  # noqa: E402
from tests.support.ports import free_port  # noqa: E402

Figures = dict[str, float]

_RATES = ("requests/s", "connections/s", "down MB/s", "up MB/s")


class Load:
    """load.c, built in a directory."""

    def __init__(self, directory: Path) -> None:
        self._program = str(directory / "load")
        source = ROOT / "benchmarks/egress/load.c"
        subprocess.run(["cc", "-O2", "-o", self._program, source, "-lssl", "-lcrypto", "-lpthread"], check=True)

    @contextmanager
    def origin(self, directory: Path) -> Iterator[Origin]:
        """The server behind the engines."""
        world, port = TestCa("world"), free_port()
        pem = directory / "origin.pem"
        pem.write_text("".join(reversed(world.issue(HOST))))
        process = subprocess.Popen([self._program, "origin", str(port), str(pem)], preexec_fn=on(LOAD_CORE))
        try:
            wait_for(port)
            yield Origin(directory, port, world)
        finally:
            process.terminate()
            process.wait(10)

    def run(self, engine: Engine, *words: object) -> tuple[list[float], float]:
        """The figures that it printed, and the CPU seconds that the engine took meanwhile."""
        before = engine.cpu()
        argv = [self._program, str(words[0]), engine.target, *map(str, words[1:])]
        done = subprocess.run(argv, preexec_fn=on(LOAD_CORE), capture_output=True, text=True, check=True, timeout=300)
        return [float(word) for word in done.stdout.split()], engine.cpu() - before


def measure(load: Load, engine: Engine, seconds: float, megabytes: int) -> Figures:
    """One round of everything for one engine."""
    (count, failed, _, _), cpu = load.run(engine, "requests", 32, seconds)
    figures = {"requests/s": count / seconds, "CPU ms/1000 requests": cpu / max(count, 1) * 1e6}
    for name, mode in (("GET", "paced"), ("POST of 1 KB", "posts")):
        (_, wrong, p50, p99), _ = load.run(engine, mode, 1, seconds)
        figures |= {f"{name} p50 us": p50, f"{name} p99 us": p99}
        failed += wrong
    (count, wrong, p50, _), cpu = load.run(engine, "connects", 8, seconds)
    figures |= {"connections/s": count / seconds, "CPU ms/1000 connections": cpu / max(count, 1) * 1e6}
    (_, broken, p50, p99), _ = load.run(engine, "events", seconds)
    figures |= {"event p50 us": p50, "event p99 us": p99}
    for way in ("down", "up"):
        (took, got), cpu = load.run(engine, way, megabytes)
        arrived = got == megabytes << 20 or (way == "up" and got)
        figures |= {f"{way} MB/s": megabytes / took if arrived else 0.0, f"{way} CPU s/GB": cpu / megabytes * 1024}
    return figures | {"failed": failed + wrong + broken, "loaded MiB": engine.memory()}


def medians(rounds: list[Figures]) -> Figures:
    return {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}


def table(results: dict[str, Figures]) -> str:
    """Markdown: a column for each engine, and what part of direct a rate is."""
    direct = results.get("direct", {})
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for key in next(iter(results.values())):
        cells = []
        for figures in results.values():
            value = figures[key]
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
            part = f" ({value / direct[key]:.2f})" if key in _RATES and direct and figures is not direct else ""
            cells.append(shown + part)
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@frozen
class Goal:
    """A figure that was promised, and what it came to."""

    text: str
    value: float
    bound: float
    at_least: bool = True

    def __str__(self) -> str:
        is_reached = self.value >= self.bound if self.at_least else self.value <= self.bound
        return f"{'reached' if is_reached else 'MISSED '}  {self.text}: {self.value:.2f}, goal {self.bound}"


def goals(results: dict[str, Figures]) -> Iterator[Goal]:
    """Those that can be judged by what was measured."""
    ours = results["ours"]
    for name, key, factor in (
        ("mitmproxy", "requests/s", 20.0), ("squid", "requests/s", 1.2), ("mitmproxy", "connections/s", 7.0)
    ):  # fmt: skip
        if name in results:
            yield Goal(f"{key}, times {name}'s", ours[key] / max(results[name][key], 0.1), factor)
    if "direct" in results:
        yield from _goals_beside_direct(results, results["direct"])
    yield Goal("CPU us a request", ours["CPU ms/1000 requests"], 60.0, at_least=False)
    yield Goal("resident MiB, idle", ours["idle MiB"], 45.0, at_least=False)


def _goals_beside_direct(results: dict[str, Figures], direct: Figures) -> Iterator[Goal]:
    for name, key, bound in (("unscanned", "GET p50 us", 0.25), ("ours", "POST of 1 KB p50 us", 0.35)):
        if name in results:
            yield Goal(f"added to {key}, {name}, ms", (results[name][key] - direct[key]) / 1000, bound, at_least=False)
    yield Goal("download, of direct", results["ours"]["down MB/s"] / direct["down MB/s"], 0.85)


def compare(names: list[str], rounds: int, seconds: float, megabytes: int) -> dict[str, list[Figures]]:
    """All rounds of all engines, in turns; what the machine lacks is left out and said."""
    results: dict[str, list[Figures]] = {}
    engines: dict[str, Engine] = {}
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        load = Load(Path(directory))
        try:
            with load.origin(Path(directory)) as origin:
                for name in names:
                    try:
                        engines[name] = ALL[name](origin)
                    except MissingError as error:
                        print(f"{name} is left out: {error}")
                idle = {name: engine.memory() for name, engine in engines.items()}
                for engine in engines.values():
                    load.run(engine, "requests", 32, seconds / 4)  # connections to the origin, and what learns
                for _ in range(rounds):
                    for name, engine in engines.items():
                        figures = measure(load, engine, seconds, megabytes)
                        figures |= {"idle MiB": idle[name], "ready ms": engine.ready * 1000}
                        results.setdefault(name, []).append(figures)
        finally:
            for engine in engines.values():
                engine.stop()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--only", nargs="*", choices=list(ALL), default=list(ALL))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = compare(arguments.only, arguments.rounds, arguments.seconds, arguments.megabytes)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{_cpu_name()}, {len(CORES)} cores, load {os.getloadavg()[0]:.1f}, {system}\n")
    found = {name: medians(rounds) for name, rounds in results.items()}
    print(table(found))
    if "ours" in found:
        print("", *goals(found), sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()

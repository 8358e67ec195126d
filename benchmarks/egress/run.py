"""Direct, a bare TLS forwarder (the floor), ours and mitmproxy, side by side in one run.

`python benchmarks/egress/run.py [--rounds N] [--only direct ours ...] [--json FILE]`

The load generator and origin are C (`load.c`, built here with `cc`), so that they are not what is measured. The engine
has one core, client and origin the other. mitmproxy 12 needs Python 3.12 or newer; where there is none its column is
left out.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.egress.harness import Sidecar, TestCa, free_port, route  # noqa: E402

HOST = "localhost"  # the one name that both engines can be led to loopback with
SECRET = "sk-bench-0123456789abcdef"
CORES = sorted(os.sched_getaffinity(0))
ENGINE_CORE, LOAD_CORE = {CORES[0]}, {CORES[-1]}
TICK = os.sysconf("SC_CLK_TCK")


class Engine:
    """Something that the load can be pointed at; `target` is what load.c takes, `pid` whose CPU time counts."""

    def __init__(self, name: str, target: str, pid: int | None) -> None:
        self.name, self.target, self.pid = name, target, pid

    def cpu(self) -> float:
        """CPU seconds so far."""
        if self.pid is None:
            return 0.0
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


class Bench:
    """The parts of one run, in one temporary directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.load = str(directory / "load")
        source = ROOT / "benchmarks/egress/load.c"
        subprocess.run(["cc", "-O2", "-o", self.load, source, "-lssl", "-lcrypto", "-lpthread"], check=True)
        self.world = TestCa("world")
        self.port = free_port()
        pem = directory / "origin.pem"
        pem.write_text("".join(reversed(self.world.issue(HOST))))
        self.processes = [subprocess.Popen([self.load, "origin", str(self.port), str(pem)], preexec_fn=_on(LOAD_CORE))]
        _wait_for(self.port)

    def direct(self) -> Engine:
        return Engine("direct", str(self.port), None)

    def ours(self) -> Engine:
        self.sidecar = Sidecar(self.directory / "ours", TestCa("bottle"), self.world.pem)
        os.sched_setaffinity(self.sidecar.process.pid, ENGINE_CORE)
        inject = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
        answer = self.sidecar.start(
            [route(HOST, self.port, ports=[self.port], paths=["/"], inject=inject)], {"T": SECRET}
        )
        assert answer["event"] == "ready", answer
        return Engine("ours", f"{self.sidecar.port}:{HOST}:{self.port}", self.sidecar.process.pid)

    def floor(self) -> Engine:
        port = free_port()
        leaf, roots = self.directory / "leaf.pem", self.directory / "world.pem"
        leaf.write_text("".join(reversed(TestCa("floor").issue(HOST))))
        roots.write_text(self.world.pem)
        argv = [sys.executable, str(ROOT / "benchmarks/egress/floor.py"), str(port), str(self.port)]
        process = subprocess.Popen(
            [*argv, str(leaf), str(roots)], preexec_fn=_on(ENGINE_CORE), stderr=subprocess.DEVNULL
        )
        self.processes.append(process)
        _wait_for(port)
        return Engine("floor", f"{port}:{HOST}:{self.port}", process.pid)

    def mitmproxy(self) -> Engine | None:
        python = next(filter(None, map(shutil.which, ("python3.13", "python3.12"))), None)
        home = Path(tempfile.gettempdir()) / "bottle-bench-mitmproxy"
        if not (home / "bin/mitmdump").exists():
            if python is None or subprocess.run([python, "--version"], check=False, capture_output=True).returncode:
                return None
            subprocess.run([python, "-m", "venv", home], check=True)
            subprocess.run([home / "bin/pip", "install", "-q", "mitmproxy==12.*"], check=True)
        port = free_port()
        roots = self.directory / "world.pem"
        roots.write_text(self.world.pem)
        options = [
            "connection_strategy=lazy", "stream_large_bodies=64k", "http2=false", f"confdir={self.directory}/mitm",
            f"ssl_verify_upstream_trusted_ca={roots}",
        ]  # fmt: skip
        argv = [str(home / "bin/mitmdump"), "-q", "-p", str(port), "--listen-host", "127.0.0.1"]
        argv += [
            "-s",
            str(ROOT / "benchmarks/egress/mitm_addon.py"),
            *(word for option in options for word in ("--set", option)),
        ]
        process = subprocess.Popen(
            argv, preexec_fn=_on(ENGINE_CORE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.processes.append(process)
        _wait_for(port)
        return Engine("mitmproxy", f"{port}:{HOST}:{self.port}", process.pid)

    def run(self, engine: Engine, *words: object) -> tuple[list[float], float]:
        """The figures that load.c printed, and the CPU seconds that the engine took."""
        before = engine.cpu()
        argv = [self.load, str(words[0]), engine.target, *map(str, words[1:])]
        done = subprocess.run(argv, preexec_fn=_on(LOAD_CORE), capture_output=True, text=True, check=True, timeout=300)
        return [float(word) for word in done.stdout.split()], engine.cpu() - before

    def close(self) -> None:
        if hasattr(self, "sidecar"):
            self.sidecar.stop()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def measure(bench: Bench, engine: Engine, seconds: float, megabytes: int) -> dict[str, float]:
    """One round of everything for one engine."""
    figures: dict[str, float] = {}
    (count, failed, _, _), cpu = bench.run(engine, "requests", 32, seconds)
    figures |= {"requests/s": count / seconds, "CPU us/request": cpu / max(count, 1) * 1e6, "failed": failed}
    (_, _, p50, p99), _ = bench.run(engine, "paced", 1, seconds)
    figures |= {"p50 us": p50, "p99 us": p99}
    (count, failed, p50, _), cpu = bench.run(engine, "connects", 8, seconds)
    figures |= {"connects/s": count / seconds, "CPU us/connect": cpu / max(count, 1) * 1e6, "connect p50 us": p50}
    figures["failed"] += failed
    for way in ("down", "up"):
        (took, got), cpu = bench.run(engine, way, megabytes)
        figures[f"{way} MB/s"] = megabytes / took if got == megabytes << 20 or (way == "up" and got) else 0.0
        figures[f"{way} CPU s/GB"] = cpu / (megabytes / 1024)
    return figures


def report(results: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table of medians, with each engine's part of direct."""
    medians = {
        name: {key: statistics.median(r[key] for r in rounds) for key in rounds[0]} for name, rounds in results.items()
    }
    lines = ["| | " + " | ".join(medians) + " |", "|---|" + "---|" * len(medians)]
    direct = medians["direct"]
    for key in direct:
        cells = []
        for name, figures in medians.items():
            value = figures[key]
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
            relative = (
                f" ({value / direct[key]:.2f})"
                if name != "direct" and direct[key] and "/s" in key and "CPU" not in key
                else ""
            )
            cells.append(shown + relative)
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    if "mitmproxy" in medians:
        ours, theirs = medians["ours"], medians["mitmproxy"]
        lines.append(f"\nours / mitmproxy: {ours['requests/s'] / theirs['requests/s']:.1f} x the requests, "
                     f"{ours['connects/s'] / theirs['connects/s']:.1f} x the new connections, "
                     f"{ours['down MB/s'] / max(theirs['down MB/s'], 0.01):.1f} x the download.")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--only", nargs="*", default=["direct", "floor", "ours", "mitmproxy"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        try:
            engines = [engine for name in arguments.only if (engine := getattr(bench, name)()) is not None]
            if len(engines) < len(arguments.only):
                print("mitmproxy is left out: it needs Python 3.12 or newer")
            results: dict[str, list[dict[str, Any]]] = {engine.name: [] for engine in engines}
            for _ in range(arguments.rounds):
                for engine in engines:
                    results[engine.name].append(measure(bench, engine, arguments.seconds, arguments.megabytes))
        finally:
            bench.close()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{_cpu_name()}, {len(CORES)} cores, {system}\n")
    print(report(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _on(cores: set[int]) -> Any:
    return lambda: os.sched_setaffinity(0, cores)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


if __name__ == "__main__":
    main()

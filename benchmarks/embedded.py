"""How long a start without an engine takes, beside a bare bwrap and beside Anthropic's sandbox-runtime (srt, from npm).

    python -m benchmarks.embedded [rounds]

Each of them starts `true`, in turns, and is measured until that has run: bwrap with all its namespaces and nothing
else; srt with its own proxies and filters; bottle from the confirmed preflight on: certificates, sidecar, box,
furniture, and the proof of the walls. Prints medians in milliseconds and the ratio. srt is installed below the
temporary directory when it is not there; without npm it is left out.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bottle.adapters.bubblewrap import sandbox
from bottle.adapters.certificates import LocalAuthority
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Cargo
from tests.support import bottles

BOUND = 300  # milliseconds, on a quiet machine
SRT = Path(tempfile.gettempdir()) / "bottle-bench-srt"
HOSTS = ("api.anthropic.com", "github.com", "pypi.org")


def bare() -> float:
    """bwrap, all namespaces, the host's system read-only."""
    arguments = [*sandbox.ALONE, *sandbox.NO_NETWORK, *sandbox.system(), "--proc", "/proc", "--dev", "/dev"]
    began = time.perf_counter()
    subprocess.run(["bwrap", *arguments, "--", "true"], check=True)
    return time.perf_counter() - began


def srt() -> float:
    """`srt true`, as its documentation has it."""
    began = time.perf_counter()
    subprocess.run([SRT / "node_modules/.bin/srt", "true"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def bottle() -> float:
    """What happens between the confirmed preflight, which has looked at the host, and the end of the program."""
    backend, plan = bottles.bubblewrap_backend("bench"), bottles.a_plan(bottles.PROGRAMS)
    backend.survey()
    backend.missing(bottles.PROGRAMS)
    began = time.perf_counter()
    cargo = Cargo(LocalAuthority().issue(plan.identity, HOSTS, datetime.now(UTC)))
    with bottles.audit_directory() as audit:
        launched = backend.launch(plan, cargo, audit, FakeProgress(), bottles.never)
        launched.run(["true"])
        took = time.perf_counter() - began
        backend.destroy(plan.identity)
    return took


def srt_is_there() -> bool:
    """Whether srt can be measured here; installs it where npm can."""
    if not SRT.exists() and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--prefix", SRT, "@anthropic-ai/sandbox-runtime"], check=True)
    return (SRT / "node_modules/.bin/srt").exists() and bool(shutil.which("rg")) and bool(shutil.which("socat"))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    starts: dict[str, Callable[[], float]] = {"bwrap": bare, "bottle": bottle}
    if srt_is_there():
        starts["srt"] = srt
    else:
        print("srt     left out: it needs npm, rg and socat")
    times: dict[str, list[float]] = {name: [] for name in starts}
    for number in range(rounds + 1):
        for name, start in starts.items():
            milliseconds = start() * 1000
            if number:  # the first round warms all of them up
                times[name].append(milliseconds)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        print(f"{name:7} {medians[name]:6.0f} ms  ({min(taken):.0f}-{max(taken):.0f}, {len(taken)} rounds)")
    print(f"bound   {BOUND:6} ms; load of this machine {os.getloadavg()[0]:.1f}")
    if "srt" in medians:
        print(f"ratio   {medians['bottle'] / medians['srt']:6.2f} of srt")


if __name__ == "__main__":
    main()

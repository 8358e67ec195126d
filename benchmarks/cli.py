"""CPU time of the commands that a person waits for most, beside a bare interpreter.

python benchmarks/cli.py [ROUNDS]
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BOTTLE = Path(sys.executable).parent / "bottle"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "TAB for an agent": [str(BOTTLE), "__complete", "start", ""],
    "TAB for a bottle": [str(BOTTLE), "__complete", "attach", ""],
    "bottle --version": [str(BOTTLE), "--version"],
    "bottle --help": [str(BOTTLE), "--help"],
    "bottle list": [str(BOTTLE), "list"],
    "bottle list --json": [str(BOTTLE), "list", "--json"],
}


def cpu_seconds(argv: list[str], environment: dict[str, str]) -> float:
    """User and system time of one run, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "BOT_BOTTLE_HOME": home}
        samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(rounds):
            for name, argv in COMMANDS.items():
                samples[name].append(cpu_seconds(argv, environment))
    floor = statistics.median(samples["python -c pass"])
    print(f"{'command':<22}{'CPU s':>8}{'of bare python':>16}")
    for name, seconds in samples.items():
        median = statistics.median(seconds)
        print(f"{name:<22}{median:>8.3f}{median / floor:>15.1f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)

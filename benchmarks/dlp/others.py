"""What a scan costs beside others: `python -m benchmarks.dlp.others RULES [--largest MB] [--only ours ...]`.

The same conversations of a coding agent, joined to the size that is asked for, are looked at by our scanner, by
`gitleaks stdin` and by `detect-secrets scan`; CPU seconds, and how many times the cost of the size before each is. A
program's start is in its figures, as it is in whoever's who would call it. What a request costs that nobody scans is
what `benchmarks/egress/run.py` calls unscanned. Programs that are not there are left out with a line; detect-secrets is
installed into a directory of its own below the system's for temporary files.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.dlp.cost import chats
from bottle.domain.dlp.stream import Stream
from sidecars.scanner.guard import Guard
from sidecars.scanner.patterned import patterns_in

_SIZES = (100_000, 1_000_000, 4_000_000, 16_000_000, 64 << 20)
_MOST_OF_DETECT_SECRETS = 4_000_000  # bytes: it takes long for more
_READ = 128 * 1024

Look = Callable[[bytes], float]
"""CPU seconds for a body."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules")
    parser.add_argument("--largest", type=int, default=4, help="megabytes")
    parser.add_argument("--only", nargs="*", default=["ours", "gitleaks", "detect-secrets"])
    options = parser.parse_args()
    makes = {"ours": lambda: _ours(options.rules), "gitleaks": _gitleaks, "detect-secrets": _detect_secrets}
    looks = {name: look for name in options.only if (look := makes[name]()) is not None}
    text = b"\n".join(chats(100))
    print("| bytes | " + " | ".join(looks) + " |\n|---|" + "---|" * len(looks))
    before: dict[str, tuple[int, float]] = {}
    for size in (each for each in _SIZES if each <= options.largest << 20):
        body = (text * (size // len(text) + 1))[:size]
        print(f"| {size:,} | " + " | ".join(_told(name, look, body, before) for name, look in looks.items()) + " |")


def _told(name: str, look: Look, body: bytes, before: dict[str, tuple[int, float]]) -> str:
    if name == "detect-secrets" and len(body) > _MOST_OF_DETECT_SECRETS:
        return ""
    cost = look(body)
    smaller, less = before.get(name, (0, 0.0))
    before[name] = len(body), cost
    times = f", {cost / less:.1f} for {len(body) / smaller:.1f} times as much" if less else ""
    return f"{cost:.3f} s ({len(body) / cost / 1e6:.1f} MB/s{times})"


def _ours(rules: str) -> Look:
    """Registered values are none here: the others know of none. What is seen again is not remembered."""
    guard = Guard.of((), b"benchmark", patterns_in(rules))
    guard.warm_up()

    def look(body: bytes) -> float:
        start = time.process_time()
        stream = Stream(guard.engine, "the body", tell=lambda _finding: None)
        for at in range(0, len(body), _READ):
            stream.feed(body[at : at + _READ])
        stream.finish()
        return time.process_time() - start

    return look


def _gitleaks() -> Look | None:
    program = shutil.which("gitleaks") or str(Path(sys.executable).with_name("gitleaks"))
    if not Path(program).exists():
        print("gitleaks is left out: it is not installed")
        return None
    return lambda body: _cpu([program, "stdin", "--no-banner", "--exit-code", "0", "--log-level", "fatal"], body)


def _detect_secrets() -> Look | None:
    home = Path(tempfile.gettempdir()) / "bottle-bench-detect-secrets"
    program = home / "bin/detect-secrets"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = [str(home / "bin/pip"), "install", "-q", "detect-secrets==1.5.0"]
        if subprocess.run(install, check=False).returncode:
            print("detect-secrets is left out: it cannot be installed")
            return None

    def look(body: bytes) -> float:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "body.txt").write_bytes(body)  # it passes over what it takes for a description of an API
            return _cpu([str(program), "scan", "--no-verify", "body.txt"], b"", folder)

    return look


def _cpu(argv: list[str], given: bytes, within: str | None = None) -> float:
    before = os.times()
    quiet = subprocess.DEVNULL
    subprocess.run(argv, input=given, stdout=quiet, stderr=quiet, check=True, cwd=within)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()

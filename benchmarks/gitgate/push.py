"""A push of a whole history through the gate beside the same push over SSH alone: time as a ratio, memory at its peak.

`python -m benchmarks.gitgate.push [MEGABYTES | REPOSITORY]`: a made-up history of so much content (200), or one that
exists.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attrs import evolve

from bottle.domain.manifest import PushRules
from tests.gitgate.conftest import World
from tests.support.git_client import Git, bare_repository
from tests.support.secret_rules import shared_rules
from tests.support.sshd import sshd

_MEGABYTE = 10**6
_FILE = 20_000
_WORDS = 5000


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else "200"
    with tempfile.TemporaryDirectory() as name, sshd(Path(name) / "sshd") as server:
        world = World(Path(name), server, rules=PushRules(force=True))
        work = Git.at(Path(name) / "history")
        if wanted.isdecimal():
            make_history(work, int(wanted) * _MEGABYTE)
        else:
            work("clone", "--quiet", "--bare", wanted, ".")
        plain = bare_repository(Path(name) / "plain.git", {"README": "hello\n"})
        ssh = f"ssh -i {server.key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        alone = timed(work, evolve(world.remote, upstream=server.url(plain)).upstream, {"GIT_SSH_COMMAND": ssh})
        world.patterns = str(shared_rules().place)
        world.start()
        try:
            gated = evolve(world.git("history"), folder=work.folder)
            through = timed(gated, world.remote.upstream, {})
            peak = peaks(world)
        finally:
            world.stop()
        print(f"plain push over SSH   {alone:7.1f} s")
        print(f"push through the gate {through:7.1f} s   ratio {through / alone:.1f}")
        print(f"the gate itself at its peak {peak} MiB; its largest program {largest_child()} MiB")


def make_history(work: Git, size: int) -> None:
    """Commits of made-up words, a few files each, until so much content is there (fast-import: one pack, quickly)."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 12))) for _ in range(_WORDS)]
    work("init", "--quiet", "--bare", ".")
    command = ["git", "fast-import", "--quiet"]
    with subprocess.Popen(command, cwd=work.folder, stdin=subprocess.PIPE) as importer:
        assert importer.stdin is not None
        for number in range(size // (4 * _FILE)):
            head = (
                f"commit refs/heads/main\ncommitter Sam <sam@example.org> {1700000000 + number} +0000\ndata 4\nwork\n"
            )
            importer.stdin.write(head.encode())
            for _ in range(4):
                text = " ".join(chance.choices(words, k=_FILE // 7)).encode()[:_FILE]
                path = f"src/{chance.randint(0, 400)}.txt"
                importer.stdin.write(f"M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n")
            importer.stdin.write(b"\n")


def timed(work: Git, url: str, env: dict[str, str]) -> float:
    began = time.perf_counter()
    branch = work("for-each-ref", "--format=%(refname)", "--count=1", "refs/heads")
    outcome = work.attempt("push", "--force", url, f"{branch}:refs/heads/main", env=env)
    if outcome.status:
        print(outcome.said)
    return time.perf_counter() - began


def peaks(world: World) -> int:
    """The gate's own peak of resident memory, in MiB (proc(5), VmHWM)."""
    assert world.process is not None
    status = Path(f"/proc/{world.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def largest_child() -> int:
    """Of all programs that this one has waited for, their own children included."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    main()

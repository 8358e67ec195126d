"""What a copy of the working tree costs, beside plain tar: a repository of 100,000 files and 1 GB.

    python -m benchmarks.workspace [files [megabytes [rounds]]]

Each side makes a tar of the tree and hands it to `cat`, in turns: `tar` as it is, and bottle as a start does it, told
apart into what precedes the question (`survey`: which files go in, what is secret, git's settings without logins) and
the copy. Measured is processor time, of children too, for a machine that does other things besides; prints medians
and ratios. The tree lies in memory where /dev/shm has room: what is compared is work, not disks.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.workspace import HostWorkspaces
from bottle.domain.workspace import Workspace

BOUND = 2.0
"""The copy alone, beside tar."""
MEGABYTE = 1_000_000
PER_FOLDER = 100


def grow(root: Path, files: int, size: int) -> None:
    """A repository of so many files in folders of a hundred; one in a hundred is large, and they hold half of it."""
    large, small = size // 2 // max(files // 100, 1), size // 2 // files
    content = os.urandom(large)
    for number in range(files):
        folder = root / f"part{number // PER_FOLDER % 40}" / f"folder{number // PER_FOLDER}"
        if number % PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"file{number}.txt").write_bytes(content[: large if number % 100 == 0 else small])
    git = ("git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.com")
    for command in (("init", "-q"), ("add", "part0"), ("commit", "-qm", "one")):
        subprocess.run([*git, *command], check=True)


def by_tar(root: Path) -> None:
    with subprocess.Popen(["tar", "-C", root, "-cf", "-", "."], stdout=PIPE) as tar:
        subprocess.run(["cat"], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)


def by_bottle(workspace: Workspace) -> None:
    with subprocess.Popen(["cat"], stdin=PIPE, stdout=subprocess.DEVNULL) as cat:
        assert cat.stdin is not None
        for piece in pack(Furniture(trees=(workspace.tree,))):
            cat.stdin.write(piece)


def spent(work: Callable[[], object]) -> float:
    """Seconds of processor time, this process's and its children's."""
    before = _processor()
    work()
    return _processor() - before


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(root: Path, rounds: int) -> dict[str, float]:
    """Medians by side."""
    workspaces = HostWorkspaces(os.environ)
    surveyed = workspaces.survey(str(root))
    sides: dict[str, Callable[[], object]] = {
        "tar": lambda: by_tar(root),
        "bottle, survey": lambda: workspaces.survey(str(root)),
        "bottle, copy": lambda: by_bottle(surveyed),
    }
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, work in sides.items():
            taken[side].append(spent(work))
    return {side: statistics.median(times) for side, times in taken.items()}


def place(size: int) -> str | None:
    """Memory where the tree fits twice, else where temporary files go."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 3 * size else None


def main(files: int = 100_000, megabytes: int = 1000, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory(dir=place(megabytes * MEGABYTE)) as folder:
        grow(Path(folder), files, megabytes * MEGABYTE)
        found = measure(Path(folder), rounds)
    for side, seconds in found.items():
        print(f"{side:16} {seconds:6.2f} s of processor time, {seconds / found['tar']:5.2f} x tar")
    if found["bottle, copy"] > BOUND * found["tar"]:
        raise SystemExit(f"the copy costs more than {BOUND} x tar")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Holds a box to its memory where no control group does: looks often, ends the largest process of one with too much.

That is what the kernel does with a control group that is full, though later: between two looks a box may take more.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SECONDS = 0.25
"""Between two looks."""


class Watch:
    """`root` is the box's first process, `limit` is what all of them may hold together, in bytes."""

    def __init__(self, root: int, limit: int) -> None:
        self._root, self._limit = root, limit
        self._due = 0.0

    def look(self) -> str:
        """Looks when it is time to; says what was ended, for the log."""
        if time.monotonic() < self._due:
            return ""
        self._due = time.monotonic() + SECONDS
        processes = [process for process in _family(self._root) if process != self._root]
        # What processes share is counted for each here, which is quick; only beyond the limit is it counted with care.
        files = _unmapped(processes)
        if sum(map(_resident, processes)) + sum(files.values()) <= self._limit:
            return ""
        held = {process: max(_held(process), files.get(process, 0)) for process in processes}
        if sum(held.values()) <= self._limit:
            return ""
        largest = max(held, key=held.__getitem__)
        try:
            os.kill(largest, signal.SIGKILL)
        except ProcessLookupError:
            return ""
        return f"memory: more than {self._limit >> 20} MiB; ended process {largest} with {held[largest] >> 20} MiB\n"


def _family(root: int) -> Iterator[int]:
    """The process and all that descend from it; an orphan's parent is the first process of its box."""
    pending = [root]
    while pending:
        process = pending.pop()
        yield process
        try:
            threads = list(Path(f"/proc/{process}/task").iterdir())
            pending += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:
            continue  # it ended meanwhile


def _resident(process: int) -> int:
    """Memory in its own pages and in shared ones that no file on a disk stands behind, in bytes."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return (
        sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:"))) * 1024
    )


def _held(process: int) -> int:
    """The same, with what it shares counted in proportion."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return _resident(process)
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(found) if found else _resident(process)


def _unmapped(processes: Iterable[int]) -> dict[int, int]:
    """Files of memory alone that a process holds open, in bytes: they need not be mapped to be there."""
    files: dict[tuple[int, int], int] = {}
    holders: dict[int, int] = {}
    for process in processes:
        for entry in _descriptors(process):
            try:
                if not str(entry.readlink()).startswith("/memfd:"):
                    continue
                status = entry.stat()
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in files:
                files[status.st_dev, status.st_ino] = status.st_blocks * 512
                holders[process] = holders.get(process, 0) + status.st_blocks * 512
    return holders


def _descriptors(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return []

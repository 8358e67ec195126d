"""All that a command started, wherever it went.

Its session and its descendants are found by what the kernel says of them. A process that left both (a daemon) still
bears the command's mark in its environment, unless it chose not to.
"""

import os

MARK = "BOT_BOTTLE_COMMAND"
_PROC = "/proc"


def find(leader: int, mark: bytes) -> list[int]:
    """The living processes of the command that was started as `leader`; never the first process."""
    parents, seeds = _survey(leader, mark)
    found = set(seeds)
    grown = True
    while grown:
        children = {process for process, parent in parents.items() if parent in found} - found
        found |= children
        grown = bool(children)
    return sorted(found)


def send(processes: list[int], number: int) -> None:
    """Sends the signal to each; those that ended meanwhile are passed by."""
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:
            pass


def _survey(leader: int, mark: bytes) -> tuple[dict[int, int], set[int]]:
    """The parent of each living process, and those that certainly belong to the command."""
    parents, seeds = {}, set()
    for name in [entry.name for entry in os.scandir(_PROC)]:
        if not name.isdigit() or name == "1":
            continue
        fields = _read(f"{_PROC}/{name}/stat").rpartition(b") ")[2].split()
        if len(fields) < 4 or fields[0] in (b"Z", b"X"):
            continue
        process, parent, session = int(name), int(fields[1]), int(fields[3])
        parents[process] = parent
        if leader in (process, session) or mark in _read(f"{_PROC}/{name}/environ").split(b"\0"):
            seeds.add(process)
    return parents, seeds


def _read(path: str) -> bytes:
    """The file's content; empty for a process that is gone or keeps to itself."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""

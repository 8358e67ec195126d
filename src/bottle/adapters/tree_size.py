"""How much of a working tree goes into a box, by what its files say of themselves."""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from bottle.domain.errors import UsageError

LARGEST: Final = 64 * 1024**3
"""Bytes that go in at the most: more would take longer than anybody waits, into a box that has no room for it."""
_TOLD: Final = 1024**3
_BLOCK: Final = 512  # of st_blocks, whatever the file system's are (inode(7))


@define
class TreeSize:
    """Of chosen entries below a directory: bytes in all, and what is to be told of."""

    total: int = 0
    largest: tuple[int, str] = (0, "")
    sparse: list[str] = field(factory=list)

    def add(self, path: str, status: os.stat_result) -> None:
        self.total += status.st_size
        self.largest = max(self.largest, (status.st_size, path))
        if status.st_size >= _TOLD and status.st_blocks * _BLOCK < status.st_size // 2:
            self.sparse.append(path)

    def notes(self) -> Iterator[str]:
        if self.sparse:
            yield f"copied at their full size, though little of it is written: {', '.join(sorted(self.sparse))}"


def size_of(root: str, entries: Sequence[str]) -> TreeSize:
    """What went meanwhile counts nothing. Raises UsageError for more than can go in."""
    found = TreeSize()
    for entry in entries:
        try:
            status = os.lstat(f"{root}/{entry}")
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.add(entry, status)
    if found.total > LARGEST:
        size, path = found.largest
        raise UsageError(
            f"--cwd: {root} has {_gib(found.total)} GiB to copy, and {_gib(LARGEST)} are the most",
            hint=f"the largest is {path} ({_gib(size)} GiB): move it elsewhere, or have git ignore it",
        )
    return found


def _gib(size: int) -> int:
    return size // 1024**3

"""Lines on disk: the file that grows, and those that are full, numbered in the order of their lines.

`audit.jsonl` that is full becomes `audit-000001.jsonl`, and a new `audit.jsonl` follows it. No line is ever removed.
"""

import os
import re
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class AuditError(Exception):
    """The trail takes no more lines."""


class Lines:
    """Appends to `NAME.jsonl` in a directory, and to its successors. For one thread at a time."""

    def __init__(self, directory: Path, name: str, *, most: int, total: int) -> None:
        """`most` bytes are in one file, `total` in all of this name. Raises OSError where nothing can be written."""
        self._full = Full(directory, name, total)
        self._file = os.open(self._full.grown, _FLAGS, 0o644)
        self._size = os.fstat(self._file).st_size
        self._most = most
        self._is_torn = False

    def append(self, lines: list[str]) -> None:
        """Writes the ASCII lines, each with its end, and takes them from the list.

        Raises AuditError; then those that were not written whole are still in the list.
        """
        data = "".join(lines).encode("ascii")
        try:
            self._write(self._with_room_for(len(data) + 1), data, lines)
        except OSError as error:
            raise AuditError(os.strerror(error.errno or 0)) from None

    def _with_room_for(self, size: int) -> int:
        """The file that the next bytes go to, a new one where this one is full. Raises AuditError, OSError."""
        if not os.fstat(self._file).st_nlink:  # somebody removed it: what is written there is nowhere
            self._begin_again()
        if not self._full.have_room_for(self._size + size):
            raise AuditError("the trail is full")
        if self._size and self._size + size > self._most:
            new = self._full.succeed()
            os.close(self._file)
            self._file, self._size, self._is_torn = new, 0, False
        return self._file

    def _begin_again(self) -> None:
        """With a file at the place of the one that was removed. Raises OSError."""
        new = os.open(self._full.grown, _FLAGS, 0o644)
        os.close(self._file)
        self._file, self._size, self._is_torn = new, os.fstat(new).st_size, False

    def _write(self, file: int, data: bytes, lines: list[str]) -> None:
        lead = b"\n" if self._is_torn else b""  # a full disk cut the line before; it must not swallow this one
        written = os.write(file, lead + data)
        self._size += written
        if written == len(lead) + len(data):
            self._is_torn = False
            lines.clear()
            return
        kept = data[: max(0, written - len(lead))]
        self._is_torn = not (lead + kept)[:written].endswith(b"\n")
        del lines[: kept.count(b"\n")]
        raise AuditError("the disk is full")


class Full:
    """The full files of one directory. Only this process makes them; whoever keeps them elsewhere makes room."""

    def __init__(self, directory: Path, name: str, total: int) -> None:
        """Raises OSError for a directory that cannot be read."""
        self.grown = directory / f"{name}.jsonl"
        """The file that grows beside them."""
        self._directory = directory
        self._name = name
        self._numbered = re.compile(rf"{name}-([0-9]{{6,9}})\.jsonl\Z")
        self._total = total
        self._last = 0
        self._size = 0
        self._count()

    def have_room_for(self, size: int) -> bool:
        """Whether so many bytes beside the full files are within what the trail may take in all."""
        if self._size + size > self._total:
            self._count()
        return self._size + size <= self._total

    def succeed(self) -> int:
        """Numbers the file that grew until now and opens a new one. Raises OSError; the next call then goes on where
        this one stopped."""
        if self.grown.exists():  # else it was numbered, and the new one could not be opened
            self.grown.rename(self._directory / f"{self._name}-{self._last + 1:06d}.jsonl")
            self._last += 1
        opened = os.open(self.grown, _FLAGS | os.O_EXCL, 0o644)
        self._count()
        return opened

    def _count(self) -> None:
        """What lies there now; numbers are never given twice."""
        paths = self._directory.iterdir()
        found = {path: int(match[1]) for path in paths if (match := self._numbered.match(path.name))}
        self._last = max([self._last, *found.values()])
        self._size = sum(path.lstat().st_size for path in found)

"""The open files that a launch hands down to the keeper and its programs; numbers stay the same on the way."""

import os
import socket
from types import TracebackType
from typing import Self


class Descriptors:
    """Everything opened here is closed at the end of the block: whoever got it has a copy of its own by then."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.pop())

    @property
    def all(self) -> list[int]:
        """Every one that is open."""
        return list(self._open)

    def content(self, name: str, data: bytes) -> int:
        """A file of memory alone, at its beginning."""
        descriptor = self._keep(os.memfd_create(name, os.MFD_CLOEXEC))
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def pair(self) -> tuple[int, int]:
        """Both ends of a Unix socket."""
        one, other = socket.socketpair()
        return self._keep(one.detach()), self._keep(other.detach())

    def listener(self, path: str) -> int:
        """A Unix socket that listens at a path."""
        listener = socket.socket(socket.AF_UNIX)
        descriptor = self._keep(listener.detach())
        with socket.socket(fileno=os.dup(descriptor)) as same:
            same.bind(path)
            same.listen(64)
        return descriptor

    def directory(self, path: str) -> int:
        """A directory, through which what lies in it can be reached whatever lies above it."""
        return self._keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def placeholder(self) -> int:
        """A number that is free for the receiver to put something else there."""
        return self._keep(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))

    def _keep(self, descriptor: int) -> int:
        self._open.append(descriptor)
        return descriptor

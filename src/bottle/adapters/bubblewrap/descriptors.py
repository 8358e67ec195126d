"""The open files that a launch hands down to the keeper and its programs; numbers stay the same on the way.

Programs are told numbers, in arguments that stand in such files themselves, before the keeper has them: so they are
such as no process has that has just begun.
"""

import errno
import fcntl
import os
import socket
from types import TracebackType
from typing import Self

_FLOOR = 16


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
        with one, other:
            return self.same(one.fileno()), self.same(other.fileno())

    def listener(self, path: str) -> int:
        """A Unix socket that listens at a path."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            return self.same(listener.fileno())

    def directory(self, path: str) -> int:
        """A directory, through which what lies in it can be reached whatever lies above it."""
        return self._keep(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def placeholder(self) -> int:
        """A number that is free for the receiver to put something else there."""
        return self._keep(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))

    def same(self, descriptor: int) -> int:
        """The same open file: a lock on it is held until both are closed."""
        try:
            self._open.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FLOOR))
        except OSError as error:  # "invalid" is what the system calls a floor above the limit (fcntl(2))
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE)) from error
        return self._open[-1]

    def _keep(self, descriptor: int) -> int:
        try:
            return self.same(descriptor)
        finally:
            os.close(descriptor)

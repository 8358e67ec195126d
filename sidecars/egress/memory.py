"""What the allocator keeps: enough that a busy way out does not fetch its memory anew, and no more once it is quiet."""

import ctypes
from collections.abc import Callable

from attrs import define

from sidecars.egress import limits

_M_TRIM_THRESHOLD = -1  # malloc.h
_M_MMAP_THRESHOLD = -3


def keep_memory() -> None:
    """Large pieces of bodies come and go: memory that glibc gives back each time costs a page fault per 4 KiB."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, 4 * 1024 * 1024)
        library.mallopt(_M_TRIM_THRESHOLD, 8 * 1024 * 1024)


def give_back_memory() -> None:
    """Gives the kernel what is free now: rules are compiled in ten times what they take then, large bodies are over,
    and glibc would keep it all. Takes milliseconds. From any thread."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


@define
class Quiet:
    """Calls `rest` once in each stretch of time in which nothing is asked for `limits.QUIET_SECONDS`."""

    rest: Callable[[], object]
    _asked: int = 0
    _since: float = 0.0
    _has_rested: bool = True

    def tick(self, now: float, asked: int, *, is_busy: bool) -> None:
        """Looks at the time: `asked` counts all that was ever asked, `is_busy` tells of what is under way."""
        if asked != self._asked or is_busy:
            self._asked, self._since, self._has_rested = asked, now, False
        elif not self._has_rested and now - self._since >= limits.QUIET_SECONDS:
            self._has_rested = True
            self.rest()

"""The directory through which a bottle is reached: its sockets, and the lock that tells that it runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_ENTRIES = ("box", "control", "sidecar.log", "sidecar.log.1", "lock")
_DOORS = "[0-9]*"
"""Sockets of sidecars that a box has mounted, by their port."""
_TOUCH_SECONDS = 3600.0
SECONDS = 2.0
"""Between two looks."""


class Premises:
    """The keeper's own; whoever made it has locked it."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._path = Path(path)
        self._lock = self._path / "lock"
        self._lock.write_text(str(os.getpid()), encoding="ascii")
        self._known = self._lock.stat()
        self._due = self._touch_due = 0.0

    def are_lost(self) -> bool:
        """Whether nobody could find the bottle any more, to use it or to end it. Looks when it is time to."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + SECONDS
        try:
            if now >= self._touch_due:
                self._touch_due = now + _TOUCH_SECONDS
                os.utime(self._lock)  # whoever clears away old files leaves it
            return not os.path.samestat(self._lock.stat(), self._known)
        except OSError:
            return True

    def remove(self) -> None:
        """Leaves nothing, and with the last bottle not even the directories above."""
        for path in (*(self._path / name for name in _ENTRIES), *self._path.glob(_DOORS)):
            _tried(path.unlink)
        _ = _tried(self._path.rmdir) and _tried(self._path.parent.rmdir) and _tried(self._path.parent.parent.rmdir)


def _tried(remove: Callable[[], None]) -> bool:
    """Whether it is gone; else whoever cleans up finds it, or others are there."""
    try:
        remove()
    except OSError:
        return False
    return True

"""A command or an unpacking under way, how its status is told, and how it ends when nobody waits for it any more."""

import os
import signal
import time

from sidecars.init import family
from sidecars.init.children import Child

GRACE = 2.0
"""Seconds between the notice that a command is to end and its end."""
_AGAIN = 0.2
_TRIES = 20
_LOOKS = 3


class Ending:
    """A command whose client went away: it is killed, with all that it started, if it stays."""

    def __init__(self, leader: int, mark: bytes) -> None:
        self._leader, self._mark = leader, mark
        self._tries = _TRIES
        self.due = time.monotonic() + GRACE

    def kill(self) -> bool:
        """Whether something may be left: what forks while it is killed needs more than one look."""
        self._tries -= 1
        self.due = time.monotonic() + _AGAIN
        found = family.find(self._leader, self._mark)
        family.send(found, signal.SIGKILL)
        return bool(found) and self._tries > 0


class Emptying:
    """All processes but the first are to end: each is told at once, and killed if it stays.

    The kernel does either in one step, in which nobody forks (kill(2)), and needs no further process for it. Orphans
    are the first process's children, so that nobody is left when it has none.
    """

    def __init__(self) -> None:
        _send_all(signal.SIGTERM)
        self._tries = _TRIES
        self.due = time.monotonic() + GRACE

    def kill(self) -> bool:
        """Whether somebody may be left: a command that was asked for meanwhile."""
        self._tries -= 1
        self.due = time.monotonic() + _AGAIN
        _send_all(signal.SIGKILL)
        return self._tries > 0


class Job:
    """One command that a client waits for."""

    def __init__(self, child: Child, mark: str) -> None:
        self.child = child
        self._mark = mark.encode("ascii")
        self._is_warned = False

    def send(self, number: int) -> None:
        """Sends the signal to the command and all that it started, once to each.

        Who forked in that very moment has a child that the first look did not see.
        """
        self._is_warned = True
        told: set[int] = set()
        for _ in range(_LOOKS):
            found = set(family.find(self.child.pid, self._mark)) - told
            family.send(sorted(found), number)
            told |= found

    def abandon(self) -> list[Ending]:
        """Nobody waits any more. The command learns it, unless a signal told it already, and has a moment left."""
        if not self._is_warned:
            self.send(signal.SIGHUP)
        return [Ending(self.child.pid, self._mark)]

    def outcome(self, status: int) -> dict[str, object]:
        """What the client is told, once the command has ended with this wait status."""
        code = os.waitstatus_to_exitcode(status)
        told: dict[str, object] = {"status": 128 - code if code < 0 else code}
        complaint = self.child.complaint()
        return {**told, "error": complaint} if complaint else told


class Unpacking(Job):
    """An archive on its way: a process of our own, with none below it."""

    def __init__(self, child: Child) -> None:
        super().__init__(child, "")

    def send(self, number: int) -> None:
        family.send([self.child.pid], number)

    def abandon(self) -> list[Ending]:
        self.send(signal.SIGKILL)
        return []

    def outcome(self, status: int) -> dict[str, object]:
        complaint = self.child.complaint()
        return {"error": complaint or "the unpacking was broken off"} if status else {"ok": True}


def _send_all(number: int) -> None:
    try:
        os.kill(-1, number)
    except OSError:
        pass  # there is nobody

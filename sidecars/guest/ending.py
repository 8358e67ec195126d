"""Ending all that the agent runs, however many processes those are: root has room for one more."""

import os
import signal
import time
from pathlib import Path

from sidecars.guest.settings import NUMBER
from sidecars.init.jobs import GRACE

_DEATH_SECONDS = 10.0
_GLANCE = 0.02
_DEAD = frozenset("ZX")


def empty() -> None:
    """Each process is told (SIGTERM), and killed if it stays. Raises OSError where one would not end."""
    _send(signal.SIGTERM)
    _wait(GRACE)
    _send(signal.SIGKILL)
    if any(state not in _DEAD for state in _wait(_DEATH_SECONDS)):
        raise OSError("what runs in the box does not end")


def _send(number: int) -> None:
    """To all of the agent's, in one step of the kernel's, in which nobody forks. Root would reach all others too."""
    sender = os.fork()
    if sender == 0:
        try:
            os.setresuid(NUMBER, NUMBER, NUMBER)
            os.kill(-1, number)
        finally:
            os._exit(0)
    os.waitpid(sender, 0)


def _wait(seconds: float) -> list[str]:
    """The states of those that are left when time is up: the dead are there until they are buried."""
    deadline = time.monotonic() + seconds
    while (states := _states()) and time.monotonic() < deadline:
        time.sleep(_GLANCE)
    return states


def _states() -> list[str]:
    """A letter for each process of the agent's (proc_pid_status(5))."""
    found = []
    for folder in [path for path in Path("/proc").iterdir() if path.name.isdigit()]:
        try:
            lines = (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue  # it ended meanwhile
        fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if int(fields["Uid"].split()[0]) == NUMBER:
            found.append(fields["State"][0])
    return found

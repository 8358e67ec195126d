"""The terminal that the dashboard is shown on, and what follows when it goes away: a window closed, a line cut."""

import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from textual.drivers.linux_driver import LinuxDriver

GRACE = 4.0
"""Seconds for the program to end by itself once its terminal is gone and nothing is under way."""
AT_MOST = 60.0
"""Seconds for what is under way then, such as a start that is given up."""
_EVERY = 0.2
_SIGNALLED = 128


class TerminalDriver(LinuxDriver):
    """Textual's, but on standard output, so that `2>file` is no blank screen; and a terminal that is gone stops nobody.

    Textual's writer ends at the first write that fails. Whoever draws then waits for room in its queue for ever, and no
    signal is heard.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = lasting(sys.__stdout__ or sys.stdout)


def lasting(shown: TextIO) -> io.TextIOWrapper:
    """The same terminal; what it does not take is dropped."""
    raw = _Lasting(shown.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=shown.encoding, errors="replace")


class _Lasting(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def watch(busy: Callable[[], bool]) -> None:
    """Ends this process once its terminal is gone: first as SIGHUP does, which the kernel sends to some processes of a
    terminal only, and then by force, whatever other threads wait for. `busy` says whether something is under way."""
    threading.Thread(target=_watch, args=(busy,), name="terminal", daemon=True).start()


def _watch(busy: Callable[[], bool]) -> None:
    if not _hung_up(sys.stdin.fileno()):
        return
    os.kill(os.getpid(), signal.SIGHUP)
    latest = time.monotonic() + AT_MOST
    while busy() and time.monotonic() < latest:
        time.sleep(_EVERY)
    time.sleep(GRACE)
    os._exit(_SIGNALLED + signal.SIGHUP)


def _hung_up(terminal: int) -> bool:
    """Waits until it is so. False where this system cannot tell."""
    poll = select.poll()
    poll.register(terminal, 0)
    return any(seen & (select.POLLHUP | select.POLLERR) for _, seen in poll.poll())

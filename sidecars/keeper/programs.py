"""One program that the keeper started: its input and output, and its end."""

import ctypes
import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CHUNK = 65536
_FOLLOW_SECONDS = 2.0
_REPORT_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_LIBRARY = ctypes.CDLL(None)


class Program:
    """A child in a sandbox of bwrap's. bwrap reports the process behind the sandbox's monitor as its `child-pid`."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        """Starts it. `info` is the descriptor that bwrap reports to. Raises OSError."""
        self.name: str = spec["name"]
        report, writer = os.pipe()
        os.dup2(writer, spec["info"])
        keeper = os.getpid()
        self._process = subprocess.Popen(
            spec["argv"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=spec["descriptors"],
            env=spec["environment"],
            cwd="/",
            preexec_fn=lambda: _die_with(keeper),
        )
        for descriptor in {writer, *spec["descriptors"]}:
            os.close(descriptor)
        self._report: int | None = report
        self._inner: int | None = None
        self._unsent = b""
        self.handle = os.pidfd_open(self._process.pid)
        """Becomes readable when the program has ended."""
        self.output = self._process.stdout.fileno() if self._process.stdout else -1
        self.input = self._process.stdin.fileno() if self._process.stdin else -1
        os.set_blocking(self.input, False)
        os.set_blocking(self.output, False)

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def read(self) -> bytes | None:
        """What it said; empty at the end, None for nothing just now."""
        try:
            return os.read(self.output, _CHUNK)
        except BlockingIOError:
            return None

    def write(self, data: bytes) -> None:
        """Says something to it, later where it does not listen just now."""
        self._unsent += data
        self.flush()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def flush(self) -> None:
        """Sends what fits. What a program that is gone was to hear is dropped."""
        try:
            self._unsent = self._unsent[os.write(self.input, self._unsent) :] if self._unsent else b""
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""

    def terminate(self) -> None:
        """Asks it to end; bwrap's monitor would pass nothing on."""
        self._signal(self.inner, signal.SIGTERM)

    def kill(self) -> None:
        """Ends it, and with it all that it started: the kernel ends a sandbox with its first process.

        The monitor follows that one. A monitor that is ended first may leave a sandbox behind: only a moment after the
        start does bwrap tie the one to the other.
        """
        self._signal(self.inner, signal.SIGKILL)
        if not self.wait(_FOLLOW_SECONDS):
            for process in (*_children(self._process.pid), self._process.pid):
                self._signal(process, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after at most so long."""
        if not select.select([self.handle], [], [], max(seconds, 0))[0]:
            return False
        self._process.wait()
        return True

    @property
    def inner(self) -> int:
        """The process behind the sandbox's monitor; the monitor while bwrap has not said."""
        if self._report is not None:
            self._inner = _inner_process(self._report)
            self._report = None
        return self._inner or self._process.pid

    def _signal(self, process: int, number: int) -> None:
        """While the monitor is not buried, the numbers of both are their own."""
        if self.status is None:
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass


def _die_with(keeper: int) -> None:
    """bwrap sees to this too, but later."""
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
    except OSError:
        return []


def _inner_process(report: int) -> int | None:
    """The process that bwrap's report names. It is not reaped before its monitor ends: the number stays its own.

    Read to its end: bwrap writes it in pieces, and dies of a pipe that nobody reads any more.
    """
    told = b""
    try:
        while select.select([report], [], [], _REPORT_SECONDS)[0]:
            data = os.read(report, 4096)
            if not data:
                return int(json.loads(told)["child-pid"])
            told += data
    except (OSError, ValueError, KeyError):
        pass
    finally:
        os.close(report)
    return None

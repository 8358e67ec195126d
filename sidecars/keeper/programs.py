"""One program that the keeper started: its input and output, and its end."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

_CHUNK = 65536


class Program:
    """A child in a sandbox of bwrap's. bwrap reports the process behind the sandbox's monitor as its `child-pid`."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        """Starts it. `info` is the descriptor that bwrap reports to. Raises OSError."""
        self.name: str = spec["name"]
        report, writer = os.pipe()
        os.dup2(writer, spec["info"])
        self._process = subprocess.Popen(
            spec["argv"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=spec["descriptors"],
            env=spec["environment"],
            cwd="/",
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
        try:
            os.kill(self.inner, signal.SIGTERM)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        """Ends it, and with it all that it started: the sandbox dies with its monitor."""
        if self.status is None:
            self._process.kill()
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


def _inner_process(report: int) -> int | None:
    """The process that bwrap's report names. It is not reaped before its monitor ends: the number stays its own."""
    try:
        if select.select([report], [], [], 1)[0]:
            return int(json.loads(os.read(report, 4096))["child-pid"])
    except (OSError, ValueError, KeyError):
        pass
    finally:
        os.close(report)
    return None

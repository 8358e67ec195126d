"""A person at a terminal on which a program runs: what is typed, what is seen, and how the terminal is left."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest


class Person:
    """Sits at 30 rows and 100 columns, and starts the program."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._keyboard, self._other = pty.openpty()
        self.resize(30, 100)
        self._before = termios.tcgetattr(self._other)
        self.process = subprocess.Popen(
            argv, stdin=self._other, stdout=self._other, stderr=self._other, env=env, cwd=cwd
        )
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._keyboard, keys)

    def wait_for(self, text: bytes, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self._keyboard], [], [], max(deadline - time.monotonic(), 0))[0]:
                pytest.fail(f"{text!r} was not seen in {self.seen[-4000:]!r}")
            self.seen += os.read(self._keyboard, 65536)

    def resizes_while_it_runs(self) -> None:
        """Of a command that says its terminal's size, then `ready`, and each new size; Ctrl-C ends it."""
        self.wait_for(b"ready")
        assert b"30 100" in self.seen
        self.resize(41, 132)
        self.process.send_signal(signal.SIGWINCH)
        self.wait_for(b"41 132")
        self.type(b"\x03")
        assert self.end() == 128 + signal.SIGINT

    def go_away(self) -> None:
        """Takes the terminal along. It is not the process's controlling one, so that the kernel sends no signal."""
        os.close(self._keyboard)
        os.close(self._other)

    def end(self, seconds: float = 60) -> int:
        """The status, once the terminal was found as it was before."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self._keyboard], [], [], 0.05)[0]:
                self.seen += os.read(self._keyboard, 65536)
        status = self.process.wait(1)
        while select.select([self._keyboard], [], [], 0.2)[0]:
            self.seen += os.read(self._keyboard, 65536)
        assert termios.tcgetattr(self._other) == self._before
        self.go_away()
        return status

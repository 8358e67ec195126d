"""`bottle` and its sidecars without an interpreter's start: each is a fork of one process that has imported them.

It is a process of its own as ever, with arguments, environment, folder and streams of its own, and calls the same
`main`. Only its imports are done already, which are most of what a start costs: 0.3 s of a core, and a fork 0.03.
What is said of imports, of the installed program, of argument lists, of terminals and of variables that an interpreter
reads at its start is shown with real starts.
"""

import atexit
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import PIPE
from types import TracebackType
from typing import BinaryIO, Self

from attrs import define

ROOT = Path(__file__).parents[2]
PROGRAM = "bottle.cli.main"
ORDER = 1 << 17  # arguments and environment of one command, in bytes
_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "FAKETIME")
_OWN = dict(os.environ)
"""The environment of the process that is forked; a test may have changed this one's since."""


def suits(env: Mapping[str, str]) -> bool:
    """Whether a fork is what a start with this environment would be: no variable differs that an interpreter reads at
    its start, or what loads it."""
    mine, other = ({k: v for k, v in one.items() if k.startswith(_AT_THE_START)} for one in (_OWN, env))
    return all(mine.get(name) == value for name, value in other.items())


@define
class Fork:
    """One on its way, as far as `subprocess.Popen` is wanted here."""

    stdin: BinaryIO
    stdout: BinaryIO
    _report: io.FileIO
    pid: int
    returncode: int | None = None

    def communicate(self, content: bytes = b"", timeout: float = 60) -> tuple[bytes, None]:
        """All of its standard output. Raises `subprocess.TimeoutExpired`; it goes on then."""
        end = time.monotonic() + timeout
        said: list[bytes] = []
        writer = threading.Thread(target=_feed, args=(self.stdin, content), daemon=True)
        reader = threading.Thread(target=lambda: said.append(self.stdout.read()), daemon=True)
        writer.start()
        reader.start()
        reader.join(timeout)
        if reader.is_alive() or not select.select([self._report], [], [], max(0, end - time.monotonic()))[0]:
            raise subprocess.TimeoutExpired("bottle", timeout)
        return said[0], None

    def wait(self, timeout: float | None = None) -> int:
        """Its status. Raises `subprocess.TimeoutExpired`; it goes on then."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("bottle", timeout or 0)
            with self._report:
                self.returncode = os.waitstatus_to_exitcode(int(self._report.readline()))
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Unless it has ended: its number may be another's then."""
        has_ended = self.returncode is not None or select.select([self._report], [], [], 0)[0]
        with suppress(ProcessLookupError):
            if not has_ended:
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wait()
        self.stdout.close()


def fork(arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, stderr: int, module: str = PROGRAM) -> Fork:
    """Calls `main` of a module with these arguments. `stderr` is a descriptor, which stays the caller's."""
    assert suits(env), "an interpreter reads some of this environment at its start"
    (stdin, feed), (out, stdout), (report, status) = os.pipe(), os.pipe(), os.pipe()
    order = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd), "module": module}
    try:
        socket.send_fds(_server(), [json.dumps(order).encode()], [stdin, stdout, stderr, status])
    finally:
        for descriptor in (stdin, stdout, status):
            os.close(descriptor)
    reports = os.fdopen(report, "rb", buffering=0)  # or what it holds would be seen by no `select`
    number = reports.readline()
    assert number, "the process that is forked has ended"
    return Fork(os.fdopen(feed, "wb"), os.fdopen(out, "rb"), reports, int(number))


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, content: bytes = b"", timeout: float = 60
) -> "subprocess.CompletedProcess[bytes]":
    """One command to its end, with all that it said. Raises `subprocess.TimeoutExpired`; it is killed then."""
    read_end, write_end = os.pipe()
    said: list[bytes] = []
    with os.fdopen(read_end, "rb") as stream:
        try:
            process = fork(arguments, env=env, cwd=cwd, stderr=write_end)
        finally:
            os.close(write_end)
        listener = threading.Thread(target=lambda: said.append(stream.read()), daemon=True)
        listener.start()
        with process:
            try:
                stdout, _ = process.communicate(content, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        listener.join()
    assert process.returncode is not None
    return subprocess.CompletedProcess(["bottle", *arguments], process.returncode, stdout, said[0])


def _feed(stream: BinaryIO, content: bytes) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(content)


@cache
def _server() -> socket.socket:
    """The line to the process that is forked: one for each that runs tests, with which it ends, however that ends."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ORDER)
        argv = [sys.executable, "-m", "tests.support.fork_server", str(there.fileno())]
        # Pipes, as the commands' will be: what Python makes of its standard streams depends on what they are.
        process = subprocess.Popen(
            argv, cwd=ROOT, env=_OWN, pass_fds=[there.fileno()], stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
    atexit.register(_end, here, process)
    return here


def _end(line: socket.socket, server: "subprocess.Popen[bytes]") -> None:
    line.close()
    server.communicate()

"""The command line as a user runs it, with a memory of all that it said and of who could have read it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

from attrs import define, evolve, field, frozen

from tests.support import forks
from tests.support.token_hunt import Hunt

PROC = Path("/proc")
GRACE = 60
STARTS = frozenset({"start", "run", "resume"})


@frozen
class Done:
    """One command that has ended."""

    arguments: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float

    def ok(self) -> "Done":
        """Itself. Raises AssertionError with what it said when it failed."""
        if self.status:
            said = f"{self.stderr.strip()}\n{self.stdout.strip()}".strip()
            raise AssertionError(f"bottle {' '.join(self.arguments)}: status {self.status}: {said[-2000:]}")
        return self


@define
class BottleCli:
    """Runs `bottle` with this environment. `exposed` says where a secret stood in an argument list of this host."""

    env: Mapping[str, str] = field(repr=False)
    hunt: Hunt = field(repr=False)
    cwd: Path = Path("/")
    said: bytearray = field(factory=bytearray, repr=False)
    exposed: list[str] = field(factory=list)
    program: Sequence[str] = field(factory=lambda: program())
    forked: str | None = None
    """The module whose `main` forks call (tests/support/forks.py); what starts a bottle is `program` always."""

    def without(self, variable: str) -> "BottleCli":
        """The same without one variable; both remember together."""
        return evolve(self, env={name: value for name, value in self.env.items() if name != variable})

    def run(
        self, *arguments: str, stdin: bytes = b"", timeout: float = 120, tell: Callable[[str], None] | None = None
    ) -> Done:
        """Runs it to its end, without a terminal; `tell` gets each line of its standard error as it comes."""
        begin = time.monotonic()
        lines: list[bytes] = []
        with _Watch(self.hunt, self.exposed):
            read_end, write_end = os.pipe()
            listener = threading.Thread(target=_listen, args=(read_end, lines, tell), daemon=True)
            listener.start()
            try:
                process = self._begin(arguments, write_end)
            finally:
                os.close(write_end)
            stdout = _to_its_end(process, stdin, timeout)
            listener.join(GRACE)
        if listener.is_alive():
            raise AssertionError(f"bottle {' '.join(arguments)}: something that it started goes on")
        stderr = b"".join(lines)
        self.said += stdout + stderr
        seconds = time.monotonic() - begin
        assert process.returncode is not None
        return Done(arguments, process.returncode, stdout.decode(), stderr.decode(), seconds)

    def _begin(self, arguments: Sequence[str], stderr: int) -> "forks.Fork | subprocess.Popen[bytes]":
        if self.forked and arguments[0] not in STARTS and forks.suits(self.env):
            return forks.fork(arguments, env=self.env, cwd=self.cwd, stderr=stderr, module=self.forked)
        argv = [*self.program, *arguments]
        return subprocess.Popen(argv, env=dict(self.env), cwd=self.cwd, stdin=PIPE, stdout=PIPE, stderr=stderr)


def _to_its_end(process: "forks.Fork | subprocess.Popen[bytes]", stdin: bytes, timeout: float) -> bytes:
    """Its standard output. Raises AssertionError when it does not come to its end; then it is killed."""
    with process:
        try:
            return process.communicate(stdin, timeout)[0]
        except subprocess.TimeoutExpired as expired:
            process.kill()
            raise AssertionError(f"no end after {timeout:.0f} s: {(expired.stdout or b'')[-300:]!r}") from expired


def _listen(descriptor: int, lines: list[bytes], tell: Callable[[str], None] | None) -> None:
    with os.fdopen(descriptor, "rb") as stream:
        for line in stream:
            lines.append(line)
            if tell:
                tell(line.decode(errors="replace").rstrip())


def program() -> Sequence[str]:
    """The installed `bottle` of this interpreter, else the package beside this file."""
    installed = Path(sys.executable).with_name("bottle")
    if installed.is_file():
        return [str(installed)]
    source = Path(__file__).parents[2] / "src"
    code = f"import sys; sys.path.insert(0, {str(source)!r}); from bottle.cli.main import main; main()"
    return [sys.executable, "-c", code]


def processes(file: str) -> Mapping[int, bytes]:
    """`cmdline` or `environ` of every process that may be read (Linux; elsewhere nothing)."""
    found = {}
    for name in os.listdir(PROC):  # noqa: PTH208 - paths as objects would take four times as long, ten times a second
        with suppress(OSError):  # it ended, or is another user's
            if name.isdecimal():
                found[int(name)] = _content(f"{PROC}/{name}/{file}")
    return found


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))
    finally:
        os.close(descriptor)


class _Watch:
    """Looks at every argument list of the host, over and over, while a command runs."""

    def __init__(self, hunt: Hunt, exposed: list[str]) -> None:
        self._hunt, self._exposed = hunt, exposed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            for pid, line in processes("cmdline").items():
                self._exposed += [f"argument list of process {pid} ({form})" for form in self._hunt.in_bytes(line)]

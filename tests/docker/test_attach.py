"""The agent's terminal: raw keys, size, status, and a terminal that is afterwards as it was before."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.app.ports import Bottle
from tests.support import bottles
from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
OWNER = f"attach:{os.getpid()}"
ATTACHER = """
import sys
from bottle.domain.errors import BottleError
from tests.support import bottles

try:
    sys.exit(bottles.docker_backend(sys.argv[1]).open(sys.argv[2]).attach(sys.argv[3:]))
except BottleError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(99)
"""
ENVIRON = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def bottle() -> Iterator[Bottle]:
    require("docker")
    plan = bottles.a_plan(bottles.images_for_tests(), host_env=["GIVEN"])
    with bottles.launched(bottles.docker_backend(OWNER), plan, bottles.a_cargo(env={"GIVEN": "a value"})) as bottle:
        yield bottle


def _argv(bottle: Bottle, *command: str) -> list[str]:
    return [sys.executable, "-c", ATTACHER, OWNER, bottle.identity, *command]


class _Terminal:
    """A person at a terminal of 30 rows and 100 columns, on which a command is attached."""

    def __init__(self, bottle: Bottle, *command: str) -> None:
        self.person, self._other = pty.openpty()
        self.resize(30, 100)
        self.before = termios.tcgetattr(self._other)
        self.process = subprocess.Popen(
            _argv(bottle, *command), stdin=self._other, stdout=self._other, stderr=self._other, env=ENVIRON, cwd=ROOT
        )
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.person, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.person, keys)

    def wait_for(self, text: bytes, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if not select.select([self.person], [], [], max(deadline - time.monotonic(), 0))[0]:
                pytest.fail(f"{text!r} was not seen in {self.seen!r}")
            self.seen += os.read(self.person, 4096)

    def end(self) -> int:
        """The status, once the terminal was found as it was before."""
        deadline = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.person], [], [], 0.05)[0]:
                self.seen += os.read(self.person, 4096)
        status = self.process.wait(10)
        while select.select([self.person], [], [], 0.2)[0]:
            self.seen += os.read(self.person, 4096)
        assert termios.tcgetattr(self._other) == self.before
        os.close(self.person)
        os.close(self._other)
        return status


def test_a_terminal_has_its_size_and_follows_changes(bottle: Bottle) -> None:
    terminal = _Terminal(
        bottle, "sh", "-c", "trap 'stty size' WINCH; sleep 1; stty size; echo ready; while :; do sleep 0.1; done"
    )
    terminal.wait_for(b"ready")
    assert b"30 100" in terminal.seen
    terminal.resize(41, 132)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.wait_for(b"41 132")
    terminal.type(b"\x03")
    assert terminal.end() == 130


def test_keys_go_through_unread(bottle: Bottle) -> None:
    """Ctrl-C, Ctrl-Z, Ctrl-P Ctrl-Q (which detaches elsewhere), Ctrl-D, an arrow key: each byte as it was typed."""
    terminal = _Terminal(bottle, "sh", "-c", "stty raw -echo; echo ready; head -c 8 | od -An -tx1")
    terminal.wait_for(b"ready")
    terminal.type(b"\x03\x1a\x10\x11\x04\x1b[A")
    assert terminal.end() == 0
    assert b"03 1a 10 11 04 1b 5b 41" in terminal.seen


@pytest.mark.parametrize("status", [0, 1, 7, 127, 255])
def test_the_agents_status_is_given_back_and_the_terminal_restored(bottle: Bottle, status: int) -> None:
    terminal = _Terminal(bottle, "sh", "-c", f"printf '%s' \"$GIVEN\"; exit {status}")
    assert terminal.end() == status
    assert b"a value" in terminal.seen


def test_an_agent_that_is_killed_is_told_from_a_box_that_goes_away(bottle: Bottle) -> None:
    assert _Terminal(bottle, "sh", "-c", "kill -9 $$").end() == 137


def test_a_box_that_goes_away_is_an_error_and_the_terminal_is_restored() -> None:
    require("docker")
    backend = bottles.docker_backend(OWNER)
    with bottles.launched(backend, bottles.a_plan(bottles.images_for_tests())) as doomed:
        terminal = _Terminal(doomed, "sh", "-c", "stty raw -echo; echo ready; sleep 60")
        terminal.wait_for(b"ready")
        backend.destroy(doomed.identity)
        assert terminal.end() == 99
        assert b"the box went away" in terminal.seen


def test_a_launcher_that_is_ended_restores_the_terminal(bottle: Bottle) -> None:
    terminal = _Terminal(bottle, "sh", "-c", "stty raw -echo; echo ready; sleep 60")
    terminal.wait_for(b"ready")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() != 0


def test_without_a_terminal_the_outputs_are_apart_and_input_ends(bottle: Bottle) -> None:
    done = subprocess.run(
        _argv(bottle, "sh", "-c", "cat; echo to the other >&2; exit 3"),
        input=b"from a pipe",
        capture_output=True,
        env=ENVIRON,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"from a pipe", b"to the other\n")


def test_much_input_and_output_at_once_do_not_block_each_other(bottle: Bottle) -> None:
    content = os.urandom(4_000_000)
    done = subprocess.run(
        _argv(bottle, "cat"), input=content, capture_output=True, env=ENVIRON, cwd=ROOT, timeout=60, check=False
    )
    assert done.stdout == content


def test_a_command_that_reads_no_input_ends_in_spite_of_it(bottle: Bottle) -> None:
    done = subprocess.run(
        _argv(bottle, "true"),
        input=bytes(3_000_000),
        capture_output=True,
        env=ENVIRON,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0

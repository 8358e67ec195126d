"""The command itself at a real terminal: its first screen, its faults, and its end when the terminal goes away."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.person import Person
from tests.support.requirements import require
from tests.support.tmux import Terminal, terminal

FIRST = "n starts one"
HUNG_UP = 128 + signal.SIGHUP
PATIENCE = 30
OWN_FAULT = "this is a fault of bottle's; `bottle cleanup` removes what it may have left"
COMMAND = "import sys; from bottle.cli.main import run; sys.exit(run(['dashboard']))"
RESTLESS = """
import atexit, os, pathlib
from textual.drivers import _writer_thread
from bottle.dashboard.app import Dashboard

_writer_thread.MAX_QUEUED_WRITES = 1
Dashboard.on_ready = lambda self: self.set_interval(1 / 60, lambda: self.home.refresh(layout=True))
atexit.register(pathlib.Path(os.environ["HOME"], "in-order").touch)
"""
"""It draws all of the screen as often as it can, into a queue that is full at once. An orderly end is told."""
STUCK = """
import threading
from bottle.dashboard.app import Dashboard

Dashboard.ended_by = lambda self, number: threading.Event().wait()
"""
"""A signal makes it heed nothing any more."""
FAULTY = """
from bottle.dashboard.home import Home
from bottle.domain.errors import BackendError

def fail(self, board):
    {fault}

Home.show = fail
"""
End = Callable[[Terminal], None]


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """An empty home, and no engine."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    engine = {"DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock"}
    return {**kept, **engine, "HOME": str(tmp_path), "BOT_BOTTLE_HOME": str(home), "TERM": "xterm-256color"}


def program(changed: str = "") -> list[str]:
    """The command, in a process in which this was changed before."""
    return [sys.executable, "-c", changed + COMMAND]


@contextmanager
def in_tmux(folder: Path, environment: Mapping[str, str], *argv: str) -> Iterator[Terminal]:
    require("tmux")
    with terminal(folder, argv, environment, columns=120, rows=40) as screen:
        yield screen


def test_an_empty_home_has_a_first_screen(environment: Mapping[str, str], tmp_path: Path) -> None:
    with in_tmux(tmp_path, environment, *program()) as screen:
        screen.wait_for(lambda shown: "nothing runs" in shown and FIRST in shown)
        screen.type("", "q")
        assert screen.wait() == 0


def errors_into(file: Path, argv: list[str]) -> list[str]:
    return ["sh", "-c", f'exec "$@" 2>{file}', "sh", *argv]


def test_the_screen_is_there_also_where_errors_go_into_a_file(environment: Mapping[str, str], tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with in_tmux(tmp_path, environment, *errors_into(errors, program())) as screen:
        screen.wait_for(FIRST)
        screen.type("", "q")
        assert screen.wait() == 0
    assert errors.read_text() == ""


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        ("raise BackendError('the engine is on fire', hint='water')", 5, "the engine is on fire\nhint: water\n"),
        (
            "raise ZeroDivisionError('a-made-up-secret')",
            1,
            f"unforeseen ZeroDivisionError in <string>, line 6\nhint: {OWN_FAULT}\n",
        ),
    ],
    ids=["foreseen", "unforeseen"],
)
def test_a_fault_of_what_runs_beside_is_told_as_what_it_is(
    environment: Mapping[str, str], tmp_path: Path, fault: str, status: int, told: str
) -> None:
    errors = tmp_path / "errors"
    with in_tmux(tmp_path, environment, *errors_into(errors, program(FAULTY.format(fault=fault)))) as screen:
        assert screen.wait() == status
    assert errors.read_text() == f"bottle: error: {told}"


def closed(screen: Terminal) -> None:
    screen.close()


def killed(screen: Terminal) -> None:
    os.kill(screen.server, signal.SIGKILL)


@pytest.mark.parametrize("gone", [closed, killed])
def test_it_ends_with_its_terminal(environment: Mapping[str, str], tmp_path: Path, gone: End) -> None:
    with in_tmux(tmp_path, environment, *program(RESTLESS)) as screen:
        screen.wait_for(FIRST)
        gone(screen)
        assert screen.wait(PATIENCE) == HUNG_UP
    assert (tmp_path / "in-order").exists()


@pytest.mark.parametrize("changed", ["", RESTLESS, STUCK], ids=["at rest", "restless", "stuck"])
def test_it_ends_with_a_terminal_that_tells_nobody(
    environment: Mapping[str, str], tmp_path: Path, changed: str
) -> None:
    """As at the far end of a line that was cut: the kernel sends no signal."""
    person = Person(program(changed), environment, tmp_path)
    try:
        person.wait_for(FIRST.encode())
        person.go_away()
        assert person.process.wait(PATIENCE) == HUNG_UP
    finally:
        person.process.kill()
        person.process.wait()

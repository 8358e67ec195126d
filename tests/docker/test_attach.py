"""The agent's terminal: raw keys, size, status, and a terminal that is afterwards as it was before."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.app.ports import Bottle
from tests.support import bottles
from tests.support.person import Person
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


def _at_terminal(bottle: Bottle, *command: str) -> Person:
    return Person(_argv(bottle, *command), ENVIRON, ROOT)


def _piped(bottle: Bottle, *command: str, content: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        _argv(bottle, *command), input=content, capture_output=True, env=ENVIRON, cwd=ROOT, timeout=60, check=False
    )


def test_a_terminal_has_its_size_and_follows_changes(bottle: Bottle) -> None:
    person = _at_terminal(
        bottle, "sh", "-c", "trap 'stty size' WINCH; sleep 1; stty size; echo ready; while :; do sleep 0.1; done"
    )
    person.resizes_while_it_runs()


def test_keys_go_through_unread(bottle: Bottle) -> None:
    """Ctrl-C, Ctrl-Z, Ctrl-P Ctrl-Q (which detaches elsewhere), Ctrl-D, an arrow key: each byte as it was typed."""
    person = _at_terminal(bottle, "sh", "-c", "stty raw -echo; echo ready; head -c 8 | od -An -tx1")
    person.wait_for(b"ready")
    person.type(b"\x03\x1a\x10\x11\x04\x1b[A")
    assert person.end() == 0
    assert b"03 1a 10 11 04 1b 5b 41" in person.seen


@pytest.mark.parametrize("status", [0, 1, 7, 127, 128, 255])
def test_the_agents_status_is_given_back_and_the_terminal_restored(bottle: Bottle, status: int) -> None:
    person = _at_terminal(bottle, "sh", "-c", f"printf '%s' \"$GIVEN\"; exit {status}")
    assert person.end() == status
    assert b"a value" in person.seen


def test_an_agent_that_is_killed_is_told_from_a_box_that_goes_away(bottle: Bottle) -> None:
    assert _at_terminal(bottle, "sh", "-c", "kill -9 $$").end() == 137


def test_a_box_that_goes_away_is_an_error_and_the_terminal_is_restored() -> None:
    require("docker")
    backend = bottles.docker_backend(OWNER)
    with bottles.launched(backend, bottles.a_plan(bottles.images_for_tests())) as doomed:
        person = _at_terminal(doomed, "sh", "-c", "stty raw -echo; echo ready; sleep 60")
        person.wait_for(b"ready")
        backend.destroy(doomed.identity)
        assert person.end() == 99
        assert b"the box went away" in person.seen


def test_a_launcher_that_is_ended_restores_the_terminal(bottle: Bottle) -> None:
    person = _at_terminal(bottle, "sh", "-c", "stty raw -echo; echo ready; sleep 60")
    person.wait_for(b"ready")
    person.process.send_signal(signal.SIGINT)
    assert person.end() != 0


def test_without_a_terminal_the_outputs_are_apart_and_input_ends(bottle: Bottle) -> None:
    done = _piped(bottle, "sh", "-c", "cat; echo to the other >&2; exit 3", content=b"from a pipe")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"from a pipe", b"to the other\n")


def test_much_input_and_output_at_once_do_not_block_each_other(bottle: Bottle) -> None:
    content = os.urandom(4_000_000)
    assert _piped(bottle, "cat", content=content).stdout == content


def test_a_command_that_reads_no_input_ends_in_spite_of_it(bottle: Bottle) -> None:
    assert _piped(bottle, "true", content=bytes(3_000_000)).returncode == 0

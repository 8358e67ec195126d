"""The agent's terminal in a machine, and a command on plain streams: as on every other backend."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from bottle.adapters.smolmachines.smolvm import machine_name
from tests.smolmachines.conftest import Stage
from tests.support import smolmachines
from tests.support.person import Person

ROOT = Path(__file__).parents[2]
ATTACHER = """
import os, sys
from bottle.adapters.interruptions import SignalInterruptions
from bottle.adapters.smolmachines import commands
from bottle.adapters.smolmachines.smolvm import find
from bottle.domain.errors import BottleError

SignalInterruptions()
try:
    sys.exit(commands.attach(find(os.environ), sys.argv[1], sys.argv[2:], {"TERM": "xterm-256color"}))
except BottleError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(99)
except KeyboardInterrupt as interruption:
    sys.exit(128 + interruption.args[0])
"""
LIVES = "trap 'echo told > ~/told' HUP INT TERM; echo ready; while [ ! -e ~/told ]; do sleep 0.05; done"


def _environ(stage: Stage) -> dict[str, str]:
    return {**smolmachines.environ(stage.data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def _argv(stage: Stage, *command: str) -> list[str]:
    return [sys.executable, "-c", ATTACHER, machine_name(stage.plan.identity), *command]


def _at_terminal(stage: Stage, *command: str) -> Person:
    return Person(_argv(stage, *command), _environ(stage), ROOT)


def test_a_terminal_has_its_size_and_follows_changes(stage: Stage) -> None:
    person = _at_terminal(
        stage, "sh", "-c", "trap 'stty size' WINCH; stty size; echo ready; while :; do sleep 0.1; done"
    )
    person.resizes_while_it_runs()


def test_keys_go_through_unread_and_the_terminal_is_the_machines_own(stage: Stage) -> None:
    """Ctrl-C, Ctrl-Z, Ctrl-P Ctrl-Q, Ctrl-D, an arrow key: each byte as it was typed."""
    person = _at_terminal(stage, "sh", "-c", "tty; echo $TERM; stty raw -echo; echo ready; head -c 8 | od -An -tx1")
    person.wait_for(b"ready")
    assert b"/dev/pts/" in person.seen
    assert b"xterm-256color" in person.seen
    person.type(b"\x03\x1a\x10\x11\x04\x1b[A")
    assert person.end() == 0
    assert b"03 1a 10 11 04 1b 5b 41" in person.seen


def test_plain_streams_pass_both_ways_and_apart(stage: Stage) -> None:
    content = os.urandom(200_000)
    argv = _argv(stage, "sh", "-c", "cat; echo complained >&2; exit 9")
    done = subprocess.run(argv, input=content, capture_output=True, env=_environ(stage), timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (9, content, b"complained\n")


def test_a_signal_to_the_attached_reaches_the_command(stage: Stage) -> None:
    attached = subprocess.Popen(
        _argv(stage, "sh", "-c", LIVES), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ(stage)
    )
    with attached:
        assert attached.stdout is not None
        assert attached.stdout.readline() == b"ready\n"
        attached.send_signal(signal.SIGTERM)
        assert attached.wait(30) == 128 + signal.SIGTERM
    assert stage.bottle.run(["cat", "/home/node/told"]).stdout == b"told\n"
    stage.bottle.run(["rm", "/home/node/told"])


def test_a_command_ends_with_whoever_waits_for_it(stage: Stage) -> None:
    """Also where that one was killed and could tell nobody."""
    attached = subprocess.Popen(
        _argv(stage, "sh", "-c", LIVES), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ(stage)
    )
    with attached:
        assert attached.stdout is not None
        assert attached.stdout.readline() == b"ready\n"
        attached.kill()
    waiting = "until [ -e ~/told ]; do sleep 0.05; done; cat ~/told"
    assert stage.bottle.run(["sh", "-c", waiting], timeout=30).stdout == b"told\n"

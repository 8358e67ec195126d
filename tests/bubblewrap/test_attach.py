"""The agent's terminal in a box of namespaces, and a command on plain streams: as on every other backend."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.init_box import PYTHON, ROOT, Box, init_box
from tests.support.person import Person

ATTACHER = """
import sys
from pathlib import Path
from bottle.adapters.bubblewrap import commands
from bottle.adapters.interruptions import SignalInterruptions
from bottle.domain.errors import BottleError

SignalInterruptions()
try:
    sys.exit(commands.attach(Path(sys.argv[1]), sys.argv[2:], {"TERM": "xterm-256color"}))
except BottleError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(99)
except KeyboardInterrupt as interruption:
    sys.exit(128 + interruption.args[0])
except BrokenPipeError:
    sys.exit(98)
"""
ENVIRON = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with init_box(tmp_path_factory.mktemp("box")) as box:
        yield box


def _argv(box: Box, *command: str) -> list[str]:
    return [sys.executable, "-c", ATTACHER, str(box.path), *command]


def _at_terminal(box: Box, *command: str) -> Person:
    return Person(_argv(box, *command), ENVIRON, ROOT)


def _piped(box: Box, *command: str, content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        _argv(box, *command), input=content, capture_output=True, env=ENVIRON, cwd=ROOT, timeout=60, check=False
    )


def _launched(box: Box, *command: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(_argv(box, *command), stdin=stdin, stdout=subprocess.PIPE, env=ENVIRON, cwd=ROOT)


# With a terminal.


def test_a_terminal_has_its_size_and_follows_changes(box: Box) -> None:
    person = _at_terminal(box, "sh", "-c", "trap 'stty size' WINCH; stty size; echo ready; while :; do sleep 0.1; done")
    person.resizes_while_it_runs()


def test_the_terminal_is_a_device_of_the_boxs_own_and_controls_the_command(box: Box) -> None:
    person = _at_terminal(
        box, "sh", "-c", "tty; ls -l $(tty); echo via /dev/tty > /dev/tty; ps -o tty= -p $$; echo $TERM"
    )
    assert person.end() == 0
    assert b"/dev/pts/" in person.seen
    assert b"crw" in person.seen
    assert b"via /dev/tty" in person.seen
    assert b"xterm-256color" in person.seen
    assert b"?" not in person.seen


def test_keys_go_through_unread(box: Box) -> None:
    """Ctrl-C, Ctrl-Z, Ctrl-P Ctrl-Q, Ctrl-D, an arrow key: each byte as it was typed."""
    person = _at_terminal(box, "sh", "-c", "stty raw -echo; echo ready; head -c 8 | od -An -tx1")
    person.wait_for(b"ready")
    person.type(b"\x03\x1a\x10\x11\x04\x1b[A")
    assert person.end() == 0
    assert b"03 1a 10 11 04 1b 5b 41" in person.seen


def test_a_shell_has_job_control(box: Box) -> None:
    person = _at_terminal(box, "bash", "--norc", "-i")
    person.wait_for(b"$ ")
    person.type(b"sleep 7171\r")
    time.sleep(0.5)
    person.type(b"\x1a")
    person.wait_for(b"Stopped")
    person.type(b"fg; echo\r")
    time.sleep(0.5)
    person.type(b"\x03")
    time.sleep(0.5)
    person.type(b"echo status $?; exit 5\r")
    person.wait_for(b"status 130")
    assert person.end() == 5


def test_a_full_screen_program_works(box: Box) -> None:
    person = _at_terminal(box, "vi", "-u", "NONE", "/tmp/text")
    time.sleep(0.7)
    person.type(b"ihello")
    person.type(b"\x1b")
    time.sleep(0.5)
    person.type(b":wq\r")
    assert person.end() == 0
    assert box.sh("cat /tmp/text") == "hello\n"


@pytest.mark.parametrize("status", [0, 1, 7, 127, 255])
def test_the_agents_status_is_given_back_and_the_terminal_restored(box: Box, status: int) -> None:
    person = _at_terminal(box, "sh", "-c", f"stty raw -echo; printf out; exit {status}")
    assert person.end() == status
    assert person.seen == b"out"


def test_a_program_that_is_not_there_is_told(box: Box) -> None:
    person = _at_terminal(box, "no-such-program")
    assert person.end() == 127
    assert person.seen == b"no-such-program: No such file or directory\r\n"


def test_an_agent_that_is_killed_is_told_from_a_box_that_goes_away(box: Box) -> None:
    assert _at_terminal(box, "sh", "-c", "kill -9 $$").end() == 137


def test_much_comes_through_a_terminal_whole(box: Box) -> None:
    script = "stty raw -echo; head -c 2000000 /dev/zero | tr '\\0' x; printf '\\nthe end'"
    person = _at_terminal(box, "sh", "-c", script)
    person.wait_for(b"the end", 60)
    assert person.end() == 0
    assert person.seen.count(b"x") == 2_000_000


def test_what_is_left_in_the_background_does_not_hold_the_terminal(box: Box) -> None:
    assert _at_terminal(box, "sh", "-c", "trap '' HUP; sleep 7474 & echo done").end() == 0


def test_a_box_that_goes_away_is_an_error_and_the_terminal_is_restored(tmp_path: Path) -> None:
    with init_box(tmp_path) as doomed:
        person = _at_terminal(doomed, "sh", "-c", "stty raw -echo; echo ready; sleep 60")
        person.wait_for(b"ready")
        os.kill(doomed.pid, signal.SIGKILL)
        assert person.end() == 99
        assert b"the box went away" in person.seen


def test_a_launcher_that_is_ended_restores_the_terminal_and_ends_the_command(box: Box) -> None:
    person = _at_terminal(box, "sh", "-c", "stty raw -echo; echo ready; sleep 7272")
    person.wait_for(b"ready")
    person.process.send_signal(signal.SIGTERM)
    assert person.end() == 143
    assert box.ended("sleep 7272")


def test_a_launcher_that_is_killed_ends_the_command(box: Box) -> None:
    person = _at_terminal(box, "sh", "-c", "trap '' HUP; echo ready; sleep 7373; sleep 7373")
    person.wait_for(b"ready")
    person.process.kill()
    person.process.wait(60)
    assert box.ended("sleep 7373")


# Without one.


def test_the_outputs_are_apart_and_input_ends(box: Box) -> None:
    done = _piped(box, "sh", "-c", "cat; echo to the other >&2; exit 3", content=b"from a pipe")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"from a pipe", b"to the other\n")


def test_much_input_and_output_at_once_do_not_block_each_other(box: Box) -> None:
    content = os.urandom(2_000_000)
    assert hashlib.sha256(_piped(box, "cat", content=content).stdout).digest() == hashlib.sha256(content).digest()


def test_a_command_that_reads_no_input_ends_in_spite_of_it(box: Box) -> None:
    assert _piped(box, "true", content=bytes(3_000_000)).returncode == 0


def test_a_command_that_closes_its_outputs_is_waited_for(box: Box) -> None:
    assert _piped(box, "sh", "-c", "exec >&- 2>&-; sleep 1; exit 4").returncode == 4


def test_a_program_that_is_not_there_is_told_without_a_terminal(box: Box) -> None:
    done = _piped(box, "no-such-program")
    assert (done.returncode, done.stderr) == (127, b"no-such-program: No such file or directory\n")


def test_a_slow_reader_gets_everything(box: Box) -> None:
    process = _launched(box, "head", "-c", "3000000", "/dev/zero")
    assert process.stdout is not None
    time.sleep(1)
    count = 0
    while data := os.read(process.stdout.fileno(), 50_000):
        count += len(data)
        time.sleep(0.01)
    assert (count, process.wait(60)) == (3_000_000, 0)
    process.stdout.close()


def test_a_reader_that_goes_away_ends_the_command(box: Box) -> None:
    process = _launched(box, "sh", "-c", "while :; do echo 7474 || exit; done")
    assert process.stdout is not None
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(60) == 98
    assert box.ended("echo 7474")


def test_what_is_left_in_the_background_does_not_hold_the_outputs(box: Box) -> None:
    done = _piped(box, "sh", "-c", "sleep 7575 & yes & echo on")
    assert done.returncode == 0
    assert b"on\n" in done.stdout
    box.run("pkill", "yes|sleep")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_reaches_the_command_and_what_it_started(box: Box, number: signal.Signals) -> None:
    process = _launched(box, "sh", "-c", "echo on; sleep 7575; true", stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"on\n"
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert box.ended("sleep 7575")
    process.stdout.close()
    process.stdin.close()


def test_a_command_that_cleans_up_after_a_signal_has_a_moment(box: Box) -> None:
    traps = "trap 'sleep 1; echo cleaned > /tmp/cleaned; exit' TERM; trap 'echo hung up > /tmp/cleaned' HUP"
    script = f"{traps}; echo on; while :; do sleep 0.1; done"
    process = _launched(box, "bash", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    process.stdout.close()
    assert box.sh("cat /tmp/cleaned") == "cleaned\n"


def test_a_command_that_ignores_signals_is_ended(box: Box) -> None:
    process = _launched(box, "sh", "-c", "trap '' HUP TERM; echo on; sleep 7676")
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143, "a moment is all that it gets"
    assert box.ended("sleep 7676")
    process.stdout.close()


def test_who_is_attached_hears_that_the_box_went_away(tmp_path: Path) -> None:
    with init_box(tmp_path) as doomed:
        process = _launched(doomed, PYTHON, "-c", "import time; print('on', flush=True); time.sleep(60)")
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        os.kill(doomed.pid, signal.SIGKILL)
        assert process.wait(60) == 99
        process.stdout.close()

"""The first process of a box: what every request promises, and that nothing from inside or outside ends it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.init_box import ENVIRONMENT, PORT, PYTHON, Box, Raw, init_box

# SIGCANCEL and SIGSETXID: no program that has the C library can say what becomes of them (signal(7)).
KEPT_BY_THE_C_LIBRARY = 1 << 31 | 1 << 32


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with init_box(tmp_path_factory.mktemp("box")) as box:
        yield box


# Doors.


def test_who_connects_inside_is_accepted_outside(box: Box) -> None:
    script = f"import socket; c = socket.create_connection(('127.0.0.1', {PORT})); c.send(b'hi'); print(c.recv(9))"
    heard: list[bytes] = []

    def serve() -> None:
        link, _ = box.door.accept()
        with link:
            heard.append(link.recv(9))
            link.sendall(b"there")

    server = threading.Thread(target=serve)
    server.start()
    assert box.python(script) == "b'there'"
    server.join(5)
    assert heard == [b"hi"]


def test_the_agent_cannot_take_the_doors_place(box: Box) -> None:
    script = f"""
import socket
with socket.socket() as other:
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        other.bind(("127.0.0.1", {PORT}))
        print("taken")
    except OSError as error:
        print(error.strerror)
"""
    assert box.python(script) == "Address already in use"


# Commands.


def test_a_command_is_told_of_its_environment_place_and_streams_and_of_nothing_else(box: Box) -> None:
    script = """
import os, signal
print(sorted(set(os.environ) - {"LC_CTYPE"}), os.getcwd())
print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])  # the last one reads the list
print(os.getsid(0) == os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print([line for line in open("/proc/self/status") if line.startswith("SigIgn")])
os.umask(mask := os.umask(0)); print(oct(mask))
"""
    names, streams, session, ignored, mask = box.python(script).splitlines()
    assert names == "['BOT_BOTTLE_COMMAND', 'HOME', 'PATH'] /home/node"
    assert streams == "[0, 1, 2]"
    assert session == "True set()"
    numbers = int(re.findall("[0-9a-f]{16}", ignored)[0], 16) & ~KEPT_BY_THE_C_LIBRARY
    assert numbers == 0x1001000  # what Python itself ignores: SIGPIPE, SIGXFSZ
    assert mask == "0o22"


def test_a_request_adds_to_the_environment_that_was_set(box: Box) -> None:
    read, write = os.pipe()
    asked = box.ask(
        {"do": "run", "argv": ["sh", "-c", "echo $A$HOME"], "env": {"A": "ü", "HOME": "x"}, "cwd": "/tmp"},
        [read, write, write],
    )
    os.close(write)
    assert "started" in (asked.hear() or {})
    assert asked.hear() == {"status": 0}
    assert os.read(read, 99).decode() == "üx\n"
    os.close(read)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -TERM $$"], 128 + 15),
        (["sh", "-c", "kill -KILL $$"], 128 + 9),
        (["no-such-program"], 127),
        (["/no/such/program"], 127),
        (["/etc/passwd"], 126),
        (["/etc"], 126),
    ],
)
def test_statuses_are_those_of_shells(box: Box, argv: list[str], status: int) -> None:
    assert box.run(*argv).status == status


def test_a_place_that_is_not_there_is_named(box: Box) -> None:
    read, write = os.pipe()
    asked = box.ask({"do": "run", "argv": ["true"], "cwd": "/no/such"}, [read, write, write])
    asked.hear()
    assert asked.hear() == {"status": 126, "error": "/no/such: No such file or directory"}
    os.close(read)
    os.close(write)


def test_no_dead_process_stays(box: Box) -> None:
    box.sh("for n in 1 2 3 4 5; do (setsid sleep 0.1 &); done; sleep 0.5")
    assert "Z" not in box.sh("cat /proc/[0-9]*/stat | sed 's/.*) //' | cut -c1").split()


def test_a_client_that_is_killed_takes_its_command_and_daemons_with_it(box: Box) -> None:
    script = f"""
import sys
from pathlib import Path
from bottle.adapters.bubblewrap import commands
argv = ["sh", "-c", "trap '' HUP TERM; setsid sh -c 'sleep 7373' & sleep 7373; true"]
commands.run(Path({str(box.path)!r}), argv, timeout=60)
"""
    client = subprocess.Popen([sys.executable, "-c", script])
    while box.run("pgrep", "-fc", "[s]leep 7373").stdout.strip() != b"4":
        time.sleep(0.05)
    client.kill()
    client.wait(60)
    assert box.ended("sleep 7373")


def test_a_command_whose_client_goes_is_told_so_at_once(box: Box) -> None:
    read, write = os.pipe()
    script = "trap 'echo told > /tmp/told; exit' HUP; echo on; while :; do sleep 0.05; done"
    asked = box.ask({"do": "run", "argv": ["sh", "-c", script], "cwd": "/tmp"}, [read, write, write])
    assert os.read(read, 9) == b"on\n"
    asked.close()
    time.sleep(0.7)
    assert box.sh("cat /tmp/told") == "told\n"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_reaches_everything_that_the_command_started(box: Box, number: signal.Signals) -> None:
    """Its children, one in a session of its own, and one that left its parent as well. (A shell would make what it
    puts into the background ignore SIGINT.)"""
    read, write = os.pipe()
    script = f"""
import os, signal, subprocess
signal.signal(signal.SIGINT, signal.SIG_DFL)
sleep = ["sleep", "7474"]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
subprocess.run([{PYTHON!r}, "-c", f"import subprocess as s; s.Popen({{sleep}}, start_new_session=True)"])
print("on", flush=True)
os.execvp("sleep", sleep)
"""
    asked = box.ask(
        {"do": "run", "argv": [PYTHON, "-c", script], "env": ENVIRONMENT, "cwd": "/tmp"}, [read, write, write]
    )
    asked.hear()
    assert os.read(read, 9) == b"on\n"
    while box.run("pgrep", "-fc", "^sleep 7474").stdout != b"4\n":
        time.sleep(0.05)
    asked.send(b'{"signal": %d}' % number)
    assert asked.hear() == {"status": 128 + number}
    assert box.ended("sleep 7474", 1)
    os.close(read)
    os.close(write)


def test_other_commands_are_left_alone_by_a_signal(box: Box) -> None:
    read, write = os.pipe()
    other, doomed = (
        box.ask({"do": "run", "argv": ["sleep", "7575"], "cwd": "/tmp"}, [read, write, write]) for _ in range(2)
    )
    other.hear()
    doomed.hear()
    doomed.send(b'{"signal": 15}')
    assert doomed.hear() == {"status": 143}
    assert box.run("pgrep", "-fc", "[s]leep 7575").stdout == b"1\n"
    other.close()
    os.close(read)
    os.close(write)


def test_what_a_command_leaves_behind_on_purpose_goes_on(box: Box) -> None:
    box.sh("setsid sleep 7676 >/dev/null 2>&1 &")
    time.sleep(2.5)
    assert box.run("pgrep", "-fc", "[s]leep 7676").stdout == b"1\n"
    box.sh("pkill -f '[s]leep 7676'")


def test_it_is_emptied_of_everybody_and_serves_on(box: Box) -> None:
    """Those who listen end by themselves; one does not, one was stopped, one has left its parent and its session."""
    read, write = os.pipe()
    script = "(trap '' TERM; sleep 7777) & sleep 7777 & kill -STOP $!; setsid sleep 7777 & echo on; wait"
    asked = box.ask({"do": "run", "argv": ["sh", "-c", script], "cwd": "/tmp"}, [read, write, write])
    asked.hear()
    assert os.read(read, 9) == b"on\n"
    emptied = [box.ask({"do": "empty"}), box.ask({"do": "empty"})]
    assert [one.hear() for one in emptied] == [{"ok": True}] * 2
    assert asked.hear() == {"status": 143}
    assert box.sh("sleep 2.5; echo on") == "on\n", "what is asked for afterwards is left alone"
    assert box.run("pgrep", "-fc", "[s]leep 7777").stdout == b"0\n"
    os.close(read)
    os.close(write)


# The agent against the first process.


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/proc/1/mem', 'rb')",
        "open('/proc/1/environ', 'rb').read()",
        "open('/proc/1/maps').read()",
        "open('/proc/1/auxv', 'rb').read()",
        "os.readlink('/proc/1/root')",
        "os.listdir('/proc/1/map_files')",
        "call('ptrace', 16, 1, 0, 0)",
        "call('ptrace', 0x4206, 1, 0, 0)",
        "call('process_vm_readv', 1, ctypes.byref(part), 1, ctypes.byref(part), 1, 0)",
        "call('syscall', 438, os.pidfd_open(1), 0, 0)",
    ],
)
def test_the_agent_cannot_look_into_it(box: Box, attempt: str) -> None:
    script = f"""
import ctypes, os
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
here = ctypes.create_string_buffer(8)
part = Part(ctypes.addressof(here), 8)
def call(name, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
try:
    {attempt}
    print("it could")
except PermissionError:
    print("refused")
"""
    assert box.python(script) == "refused"
    assert box.lives()


def test_no_signal_of_the_agents_ends_it(box: Box) -> None:
    box.run("sh", "-c", "for n in $(seq 1 64); do kill -$n 1 2>/dev/null; done")
    assert box.lives()
    box.run("sh", "-c", "kill -9 -1; kill -STOP -1")
    assert box.lives()


def test_the_agent_cannot_reach_the_socket_of_commands(box: Box) -> None:
    script = f"""
import socket
try:
    socket.socket(socket.AF_UNIX).connect({str(box.path)!r})
    print("connected")
except OSError as error:
    print("refused")
"""
    assert box.python(script) == "refused"


def test_it_has_no_privilege(box: Box) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{box.pid}/status").read_text().splitlines()
        if line.startswith(("Cap", "NoNewPrivs"))
    )
    assert {int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {0}
    assert status["NoNewPrivs"] == "1"


# Clients that make no sense.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"do": "dance"}',
        b'{"do": "run"}',
        b'{"do": "run", "argv": [], "cwd": "/"}',
        b'{"do": "run", "argv": [""], "cwd": "/"}',
        b'{"do": "run", "argv": [1], "cwd": "/"}',
        b'{"do": "run", "argv": ["a\\u0000b"], "cwd": "/"}',
        b'{"do": "run", "argv": ["\\ud800"], "cwd": "/"}',
        b'{"do": "run", "argv": ["true"], "cwd": 1}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "env": []}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "env": {"A=": "1"}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "env": {"": "1"}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "env": {"A": 1}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "terminal": true}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "terminal": {"rows": 1}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "terminal": {"rows": 1, "columns": 65536}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/", "terminal": {"rows": -1, "columns": 1}}',
        b'{"do": "run", "argv": ["true"], "cwd": "/"}',
        b'{"do": "furnish"}',
        b'{"do": "environment"}',
        b'{"do": "empty the box"}',
        b'{"do": "environment", "values": {"A": null}}',
    ],
)
def test_a_request_that_makes_no_sense_is_answered_with_an_error(box: Box, content: bytes) -> None:
    asked = Raw(box.path).send(content)
    answer = asked.hear()
    assert answer is not None
    assert list(answer) == ["error"]
    assert asked.hear() is None
    assert box.lives()


def test_a_request_that_is_too_long_is_refused_before_it_is_read(box: Box) -> None:
    asked = Raw(box.path)
    asked.link.sendall((16 * 1024 * 1024 + 1).to_bytes(4, "big"))
    assert asked.hear() == {"error": "the request is too long"}


def test_an_error_quotes_no_value(box: Box) -> None:
    answer = box.ask({"do": "environment", "values": {"TOKEN": "hunter2\0"}}).hear()
    assert answer is not None
    assert "hunter2" not in str(answer)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 9, 50])
def test_a_command_needs_three_descriptors(box: Box, count: int) -> None:
    read, write = os.pipe()
    assert "error" in (box.ask({"do": "run", "argv": ["true"], "cwd": "/"}, [read] * count).hear() or {})
    os.close(read)
    os.close(write)
    assert box.lives()


def test_files_and_terminals_of_the_host_do_not_get_in(box: Box, tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    answer = box.ask({"do": "run", "argv": ["true"], "cwd": "/"}, [file] * 3).hear()
    os.close(file)
    assert answer == {"error": "only pipes and sockets are taken"}


def test_no_descriptor_stays_open_whatever_was_asked(box: Box) -> None:
    def count() -> int:
        return len(list(Path(f"/proc/{box.pid}/fd").iterdir()))

    time.sleep(0.3)
    before = count()
    read, write = os.pipe()
    for _ in range(20):
        box.run("true")
        box.ask({"do": "run", "argv": ["true"], "cwd": "/"}, [read, write]).hear()
        box.ask({"do": "furnish"}, [read, write]).hear()
        box.ask({"do": "run", "argv": ["true"], "cwd": "/", "terminal": {"rows": 9, "columns": 9}}).hear()
        Raw(box.path).close()
    os.close(read)
    os.close(write)
    time.sleep(0.3)
    assert count() == before


def test_many_clients_that_say_nothing_keep_nobody_waiting(box: Box) -> None:
    silent = [Raw(box.path) for _ in range(200)]
    for index, client in enumerate(silent):
        client.link.sendall(b"\0\0\1\0{"[: index % 5])
    assert box.lives()
    for client in silent:
        client.close()
    assert box.lives()


def test_many_commands_at_once(box: Box) -> None:
    statuses: list[int] = []

    def one(number: int) -> None:
        statuses.append(box.run("sh", "-c", f"exit {number}").status)

    clients = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(60)
    assert sorted(statuses) == list(range(100))


def test_a_client_that_takes_no_answers_is_dropped(box: Box) -> None:
    read, write = os.pipe()
    asked = box.ask({"do": "run", "argv": ["sleep", "60"], "cwd": "/"}, [read, write, write])
    asked.hear()
    try:
        for _ in range(2000):
            asked.send(b'{"signal": 0}')
    except OSError:
        pass
    assert box.lives()
    asked.close()
    os.close(read)
    os.close(write)


def test_with_no_descriptor_left_it_waits_for_better_times_and_does_not_spin(tmp_path: Path) -> None:
    """The agent may lower the first process's limits, for they are of the same user; it only harms itself."""
    with init_box(tmp_path) as box:
        before = box.python("import resource; print(*resource.prlimit(1, resource.RLIMIT_NOFILE))").split()
        keep = "import resource, sys, time; print('on', flush=True); resource.prlimit(1, 7, (9, {1})); time.sleep({0})"
        lowering = threading.Thread(
            target=box.run,
            args=(PYTHON, "-c", keep.format(3, before[1]) + f"; resource.prlimit(1, 7, ({before[0]}, {before[1]}))"),
        )
        lowering.start()
        time.sleep(1)
        clients = [Raw(box.path).send(b'{"do": "nothing"}') for _ in range(5)]
        used = _cpu(box)
        time.sleep(1)
        assert _cpu(box) - used < 0.2
        lowering.join(20)
        for client in clients:
            client.hear()
        assert box.lives()


def test_it_costs_nothing_while_nothing_happens(box: Box) -> None:
    time.sleep(0.5)
    used = _cpu(box)
    time.sleep(1)
    assert _cpu(box) == used


def test_another_environment_replaces_the_first(box: Box) -> None:
    assert box.ask({"do": "environment", "values": {"PATH": "/usr/bin:/bin", "ONLY": "this"}}).hear() == {"ok": True}
    try:
        assert "HOME" not in box.sh("env")
        assert box.sh("echo $ONLY") == "this\n"
    finally:
        box.ask({"do": "environment", "values": ENVIRONMENT}).hear()


def test_the_end_of_the_first_process_is_the_end_of_everything(tmp_path: Path) -> None:
    with init_box(tmp_path) as box:
        read, write = os.pipe()
        asked = box.ask({"do": "run", "argv": ["sleep", "7777"], "cwd": "/"}, [read, write, write])
        asked.hear()
        os.kill(box.pid, signal.SIGKILL)
        assert asked.hear() is None
        with pytest.raises(OSError, match="refused"), socket.socket(socket.AF_UNIX) as link:
            link.connect(str(box.path))
        os.close(read)
        os.close(write)


def _cpu(box: Box) -> float:
    fields = Path(f"/proc/{box.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""What happens to those who are attached to a bottle, and what the agent cannot do to it."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.faults.conftest import Host, ended, make_host


@pytest.fixture(scope="module")
def host(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One for all tests here: what they do to a bottle, it survives."""
    host = make_host(tmp_path_factory.mktemp("running"), backend)
    yield host
    host.bottle("stop", "--all")
    host.bottle("cleanup", "--yes")
    assert host.made() == []


@pytest.fixture(scope="module")
def identity(host: Host) -> str:
    """A detached bottle."""
    return host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]


def inside(host: Host, identity: str, *command: str) -> str:
    return host.bottle("exec", identity, "--", *command)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_reaches_the_command_and_what_it_started(host: Host, identity: str, number: signal.Signals) -> None:
    process = host.launch("exec", identity, "--", "sh", "-c", "echo on; sleep 7171; true")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    assert ended(process) == 128 + number
    deadline = time.monotonic() + 60  # what was forked in that very moment has a little longer
    while inside(host, identity, "sh", "-c", "pgrep -fc '[s]leep 7171' || true").strip() != "0":
        assert time.monotonic() < deadline, "something of it goes on"


def test_an_agent_that_ends_all_its_processes_does_not_end_its_box(host: Host, identity: str) -> None:
    inside(host, identity, "sh", "-c", "pkill -9 sleep; true")
    process = host.launch("exec", identity, "--", "sh", "-c", "kill -9 -1; sleep 1")
    ended(process)
    time.sleep(1)
    assert inside(host, identity, "echo", "still there").strip() == "still there"
    assert identity in host.bottle("list")


def test_orphans_are_reaped(host: Host, identity: str) -> None:
    inside(host, identity, "sh", "-c", "for n in 1 2 3 4 5; do (sleep 0.1 & ); done; sleep 0.5")
    states = inside(host, identity, "sh", "-c", "cat /proc/[0-9]*/stat | cut -d' ' -f3")
    assert "Z" not in states.split()


def test_who_is_attached_hears_that_the_bottle_was_stopped(host: Host) -> None:
    identity = host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    process = host.launch("exec", identity, "--", "sh", "-c", "echo on; sleep 7172")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    host.bottle("stop", identity)
    status = process.wait(60)
    out, _ = process.communicate()
    assert status == 105
    assert "bottle: error: the box went away" in out


def test_the_status_and_both_streams_come_back(host: Host, identity: str) -> None:
    process = host.launch("exec", identity, "--", "sh", "-c", "cat; echo err >&2; exit 7")
    out, _ = process.communicate("typed\n", timeout=60)
    assert process.returncode == 7
    assert sorted(out.splitlines()) == ["err", "typed"]

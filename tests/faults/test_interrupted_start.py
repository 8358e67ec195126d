"""A start that is broken off at any stage leaves nothing; what a killed one leaves, `cleanup` finds, and only that."""

import signal
import time

import pytest

from tests.faults.conftest import CLAIMED, ENOUGH, MAKING, PROVING, RUNNING, WAITING, Host, ended, wait_for
from tests.faults.workers import AT_LENGTH, SEEDS

STAGES = [(CLAIMED, 0.0), (MAKING, 0.1), (PROVING, 0.0), (RUNNING, 0.0)]
if AT_LENGTH:
    STAGES += [("", 0.15), (MAKING, 0.0), (PROVING, 0.25)]
# Each signal at some stage: all three take the same way through the program.
NUMBERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
SIGNALS = [(stage, delay, NUMBERS[place % 3]) for place, (stage, delay) in enumerate(STAGES)]


@pytest.mark.parametrize(("stage", "delay", "number"), SIGNALS)
def test_a_signal_at_any_stage_leaves_nothing(host: Host, stage: str, delay: float, number: signal.Signals) -> None:
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, stage, host)
    time.sleep(delay)
    process.send_signal(number)
    # Before its first lines the interpreter ends as any program does.
    assert ended(process) in {128 + number} | ({-number} if not stage else set())
    assert host.made() == []
    kept = host.states()
    assert all((host.home / "state" / identity / "lifecycle.jsonl").exists() for identity in kept)
    assert "running" not in host.bottle("list", "--all")


@pytest.mark.parametrize(("stage", "delay"), STAGES)
def test_what_a_killed_launcher_leaves_is_found_and_removed(host: Host, stage: str, delay: float) -> None:
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, stage, host)
    time.sleep(delay)
    process.kill()
    ended(process)
    assert "running" not in host.bottle("list")
    host.bottle("cleanup", "--yes")
    assert host.made() == []
    assert host.states() == []


def test_clean_up_spares_a_bottle_that_runs(host: Host) -> None:
    running = host.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, PROVING, host)
    process.kill()
    ended(process)
    host.bottle("cleanup", "--yes")
    assert host.states() == [running]
    assert running in host.bottle("list")
    host.bottle("stop", running)


def test_two_impatient_signals_do_not_break_the_clean_up(host: Host) -> None:
    process = host.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, PROVING, host)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
        time.sleep(0.05)
    assert ended(process) in {129, 130, 143}  # of those that came before it looked, whichever it saw first
    assert host.made() == []


@pytest.mark.parametrize("turn", SEEDS)
def test_two_starts_of_one_agent_at_once_are_two_bottles(host: Host, turn: int) -> None:
    processes = [host.launch("start", "sleeper", "--yes", "--detach") for _ in range(2)]
    identities = [process.communicate(timeout=ENOUGH)[0].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], identities
    assert sorted(host.bottle("list", "--json").count(f'"{identity}"') for identity in identities) == [1, 1]
    host.bottle("stop", "--all")
    assert host.made() == []

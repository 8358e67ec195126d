"""A bottle without an engine whose parts are killed, stopped or taken away: it closes, says so, and leaves nothing."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from bottle.adapters.bubblewrap import commands, keeper
from tests.faults.conftest import CLAIMED, MAKING, PROVING, RUNNING, WAITING, Host, ended, wait_for
from tests.faults.workers import AT_LENGTH
from tests.support.boxes import Parts, is_alive, runtimes, wait_until

STAGES = [(CLAIMED, 0.05), (MAKING, 0.05), (PROVING, 0.1)]
if AT_LENGTH:
    STAGES += [(MAKING, 0.0), (PROVING, 0.0), (RUNNING, 0.0)]
SOON = 60
"""Seconds in which what is to end by itself has ended, on a machine with much else to do."""


@frozen
class Running:
    """A detached bottle and its processes."""

    host: Host
    identity: str
    parts: Parts

    def status(self) -> str:
        """What `bottle list --all` says of it."""
        [line] = [line for line in self.host.bottle("list", "--all").splitlines() if line.startswith(self.identity)]
        return line.split()[4]

    def closes(self) -> None:
        """All of it ends by itself."""
        wait_until(lambda: not any(map(is_alive, self.parts.all)), SOON, f"of {self.parts} something goes on")
        assert self.host.processes() == []

    def tell(self, *arguments: str) -> tuple[int, str]:
        process = self.host.launch(*arguments)
        out, _ = process.communicate(timeout=60)
        return process.returncode, out


@pytest.fixture
def bottle(boxed: Host) -> Iterator[Running]:
    identity = boxed.bottle("start", "sleeper", "--yes", "--detach").splitlines()[-1]
    yield Running(boxed, identity, Parts.of(boxed.home, identity))
    boxed.bottle("stop", "--all")


@pytest.mark.parametrize(("stage", "delay"), STAGES)
def test_nothing_survives_a_killed_launcher(boxed: Host, stage: str, delay: float) -> None:
    process = boxed.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, stage, boxed)
    time.sleep(delay)
    process.kill()
    ended(process)
    wait_until(lambda: not boxed.processes(), SOON, "something goes on")


def test_a_bottle_that_was_left_survives_its_launcher(bottle: Running) -> None:
    assert bottle.status() == "running"
    assert all(map(is_alive, bottle.parts.all))


@pytest.mark.parametrize("part", ["keeper", "box's monitor", "box"])
def test_a_part_that_is_killed_takes_all_with_it(bottle: Running, part: str) -> None:
    victim = {"keeper": bottle.parts.keeper, "box's monitor": bottle.parts.box[0], "box": bottle.parts.box[1]}[part]
    os.kill(victim, signal.SIGKILL)
    bottle.closes()
    assert bottle.status() == "lost"
    status, said = bottle.tell("exec", bottle.identity, "--", "true")
    assert status == 104
    assert said.splitlines()[0] == f"bottle: error: {bottle.identity} is not running"
    bottle.host.bottle("cleanup", "--yes")
    assert bottle.host.made() == []
    assert bottle.host.states() == []


def test_who_is_attached_hears_in_one_line_that_the_box_was_killed(bottle: Running) -> None:
    process = bottle.host.launch("exec", bottle.identity, "--", "sh", "-c", "echo on; sleep 7173")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    os.kill(bottle.parts.box[1], signal.SIGKILL)
    assert process.wait(60) == 105
    assert process.communicate()[0].splitlines()[0] == "bottle: error: the box went away"


@pytest.mark.parametrize("which", [0, 1], ids=["monitor", "sidecar"])
def test_a_dead_sidecar_leaves_the_agent_without_any_way_out(bottle: Running, which: int) -> None:
    ask = ("exec", bottle.identity, "--", "sh", "-c", "exec 3<>/dev/tcp/127.0.0.1/8888")
    os.kill(bottle.parts.egress[which], signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, bottle.parts.egress)), SOON, "the sidecar goes on")
    assert is_alive(bottle.parts.box[1])
    status, _ = bottle.tell(*ask[:3], "bash", *ask[4:])
    assert status == 1
    assert bottle.status() == "lost"
    bottle.host.bottle("cleanup", "--yes")
    bottle.closes()


@pytest.mark.parametrize("command", [("stop", "--all"), ("cleanup", "--yes")])
def test_a_keeper_that_was_stopped_is_ended_all_the_same(bottle: Running, command: tuple[str, ...]) -> None:
    os.kill(bottle.parts.keeper, signal.SIGSTOP)
    if command[0] == "stop":
        command = ("stop", bottle.identity)
    bottle.host.bottle(*command)
    bottle.closes()


def test_a_keeper_that_is_asked_to_end_leaves_nothing(bottle: Running) -> None:
    os.kill(bottle.parts.keeper, signal.SIGTERM)
    bottle.closes()
    assert bottle.host.directories() == []


def test_a_bottle_that_nobody_can_reach_any_more_ends(bottle: Running) -> None:
    shutil.rmtree(runtimes(bottle.host.home).of(bottle.identity).path)
    bottle.closes()
    assert bottle.status() == "lost"


def test_what_a_killed_keeper_left_does_not_keep_its_name(bottle: Running) -> None:
    os.kill(bottle.parts.keeper, signal.SIGKILL)
    bottle.closes()
    left = runtimes(bottle.host.home)
    assert (left.of(bottle.identity).path / "control").exists()
    with left.claimed(bottle.identity) as (runtime, _):
        assert [path.name for path in runtime.path.iterdir()] == ["lock"]
        assert runtime.is_held()
    assert not runtime.is_held()


def test_a_hundred_commands_leave_no_descriptor_behind(bottle: Running) -> None:
    runtime = runtimes(bottle.host.home).of(bottle.identity)
    processes = (bottle.parts.keeper, bottle.parts.box[1], bottle.parts.egress[1])

    def count() -> list[int]:
        return [len(list(Path(f"/proc/{process}/fd").iterdir())) for process in processes]

    if os.geteuid():
        pytest.skip("needs root, to see what hides itself")
    commands.run(runtime.commands, ["true"])
    before = count()
    for _ in range(100):
        assert commands.run(runtime.commands, ["true"]).status == 0
        assert keeper.running(runtime) == {"box", "egress"}
    wait_until(
        lambda: all(now <= then for now, then in zip(count(), before, strict=True)),
        SOON,
        f"more is open than before: {before}, {count()}",
    )


def test_bottles_beside_each_other_end_each_by_itself(boxed: Host) -> None:
    processes = [boxed.launch("start", "sleeper", "--yes", "--", *WAITING) for _ in range(3)]
    for process in processes:
        wait_for(process, PROVING, boxed)
    wait_until(lambda: boxed.bottle("list").count("running") == 3, SOON, "they never ran together")
    everything = len(boxed.processes())
    assert everything == 3 * 5
    processes[0].kill()
    ended(processes[0])
    wait_until(lambda: len(boxed.processes()) == 2 * 5, SOON, "it did not end, or took others with it")
    processes[1].send_signal(signal.SIGTERM)
    assert ended(processes[1]) == 143
    assert len(boxed.processes()) == 5
    assert boxed.bottle("list").count("running") == 1
    processes[2].send_signal(signal.SIGINT)
    assert ended(processes[2]) == 130
    assert boxed.processes() == []


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1] if AT_LENGTH else [0.0, 0.05])
def test_a_keeper_that_is_killed_during_a_start_takes_all_with_it(boxed: Host, delay: float) -> None:
    process = boxed.launch("start", "sleeper", "--yes", "--", *WAITING)
    wait_for(process, PROVING, boxed)
    time.sleep(delay)
    [number] = [int(line.split()[0]) for line in boxed.processes() if "keeper" in line]
    os.kill(number, signal.SIGKILL)
    assert ended(process) == 105
    wait_until(lambda: not boxed.processes(), SOON, "something goes on")

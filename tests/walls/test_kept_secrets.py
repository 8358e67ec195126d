"""What the way out of a box of namespaces holds is in memory alone: in no argument, variable or file of the host's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.domain.egress import Injection, Route
from bottle.domain.hosts import HostPattern
from bottle.domain.plan import PlannedRoute
from tests.support import bottles
from tests.support.embedded import as_root, command_lines, environments, processes_of, runtime_of
from tests.support.requirements import require
from tests.support.token_hunt import Hunt, hunt_for
from tests.walls.conftest import Box, launched_embedded

TOKEN = "sk-walls-" + os.urandom(8).hex()
GIVEN = "given-" + os.urandom(8).hex()


@pytest.fixture(scope="module")
def holding() -> Iterator[Box]:
    """A box whose way out holds a token, and whose agent was given a value."""
    require("bubblewrap")
    route = Route(HostPattern("api.example.com"), inject=Injection("authorization", "Bearer", "EGRESS_TOKEN_0"))
    plan = bottles.a_plan(bottles.PROGRAMS, routes=[PlannedRoute(route)], host_env=["GIVEN"])
    cargo = bottles.a_cargo(env={"GIVEN": GIVEN}, secrets={"EGRESS_TOKEN_0": TOKEN})
    with launched_embedded(plan, cargo, owner="secrets") as box:
        yield box


@pytest.fixture(scope="module", params=["withheld", "given"])
def hunt(request: pytest.FixtureRequest) -> Hunt:
    return hunt_for(TOKEN if request.param == "withheld" else GIVEN)


def test_no_process_of_the_hosts_shows_it(holding: Box, hunt: Hunt) -> None:
    """Neither in its arguments nor in its environment; nobody runs in the box at this moment."""
    lines, variables = command_lines(), environments()
    assert {processes_of(holding.bottle).keeper, processes_of(holding.bottle).box} <= set(lines)
    for found in (lines, variables):
        assert {process for process, content in found.items() if hunt.in_bytes(content)} == set()


def test_no_file_of_the_bottles_holds_it(holding: Box, hunt: Hunt) -> None:
    directory = runtime_of(holding.bottle)
    assert (directory / "sidecar.log").exists()
    assert hunt.in_files(directory) == ()
    assert hunt.in_bytes(holding.bottle.sidecar_log()) == ()


def test_no_open_file_of_a_process_holds_it(holding: Box, hunt: Hunt) -> None:
    """Content that is handed over in files of memory is the box's own, and closed by whoever needs it no more."""
    as_root()
    for process in processes_of(holding.bottle).all:
        for path in Path(f"/proc/{process}/fd").iterdir():
            target = str(path.readlink())
            if target.startswith(("/memfd:", "/audit")):
                assert hunt.in_bytes(path.read_bytes()) == (), target


def test_the_withheld_value_is_nowhere_in_the_box(holding: Box) -> None:
    halves = TOKEN[:12], TOKEN[12:]
    places = f"{holding.own_places} /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/self/mounts"
    assert holding.shell(f"grep -rsla '{halves[0]}''{halves[1]}' {places}") == ""
    assert TOKEN not in holding.shell("env; set")


def test_the_given_value_is_in_the_environment_of_commands_and_in_no_file(holding: Box) -> None:
    assert holding.bottle.run(["printenv", "GIVEN"]).stdout.decode().strip() == GIVEN
    halves = GIVEN[:12], GIVEN[12:]
    assert holding.shell(f"env -u GIVEN grep -rsla '{halves[0]}''{halves[1]}' {holding.own_places}") == ""


def test_no_private_key_is_in_the_box_or_with_the_bottle(holding: Box) -> None:
    marks = [b"PRIVATE KEY"]
    assert holding.shell(f"grep -rsIl 'PRIVATE'' KEY-----' {holding.own_places}") == ""
    for path in runtime_of(holding.bottle).rglob("*"):
        assert not path.is_file() or not any(mark in path.read_bytes() for mark in marks)


def test_the_keeper_leaves_no_core(holding: Box) -> None:
    assert _is_private(processes_of(holding.bottle).keeper)


def test_the_way_out_leaves_no_core(holding: Box) -> None:
    """It holds the token. A limit of 0 is not enough: a core that goes down a pipe heeds none (core(5))."""
    assert _is_private(processes_of(holding.bottle).way_out)


def _is_private(process: int) -> bool:
    """Whether the kernel writes no core of it: its files in /proc are root's then, whoever it runs as (proc(5))."""
    return Path(f"/proc/{process}/environ").stat().st_uid == 0

"""What the other commands say of a bottle in which the real agent works, and what passes through to it."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import start_detached
from tests.support.anthropic_api import API_HOST
from tests.support.bottle_cli import Done
from tests.support.demo_world import AGENT, TOKEN_VARIABLE, UNLISTED, World

pytestmark = pytest.mark.timeout(1800)


def ask(here: World, *arguments: str) -> Any:
    return json.loads(here.cli.run(*arguments, "--json").ok().stdout)


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("nothing-such", 127)],
)
def test_the_status_of_a_command_passes_through(here: World, bottle: str, script: str, status: int) -> None:
    assert here.inside(bottle, "sh", "-c", script).status == status


def test_standard_streams_pass_through(here: World, bottle: str) -> None:
    text = b"\0\xff bytes\n" * 20_000
    done = here.cli.run("exec", bottle, "--", "sh", "-c", "wc -c; echo aside >&2", stdin=text)
    assert (done.stdout.strip(), done.stderr, done.status) == (str(len(text)), "aside\n", 0)


def test_a_command_that_is_not_there_is_told(here: World, bottle: str) -> None:
    done = here.inside(bottle, "no-such-program")
    assert done.status == 127
    assert "no-such-program" in done.stderr


def test_the_agents_own_failure_is_the_status_of_a_start(here: World, attached: Done) -> None:
    done = here.cli.run("start", AGENT, "--yes", "--", "--no-such-option")
    assert done.status == 1
    assert "--no-such-option" in done.stderr


def test_the_list_has_it_with_its_backend(here: World, bottle: str) -> None:
    row = next(row for row in ask(here, "list") if row["identity"] == bottle)
    assert (row["agent"], row["backend"], row["status"]) == (AGENT, here.views.backend, "running")
    assert "egress" in row["services"]


def test_the_effective_configuration_names_backend_and_walls(here: World, attached: Done) -> None:
    told = ask(here, "info", AGENT)
    assert told["backend"] == here.views.backend
    assert {"network", "names", "way out", "user", "limits", "kernel"} <= {wall["name"] for wall in told["walls"]}
    assert TOKEN_VARIABLE in json.dumps(told["egress"])


def test_the_preflight_names_backend_and_what_it_lacks(here: World, attached: Done) -> None:
    said = here.cli.run("start", AGENT, "--dry-run").ok().stdout
    lacks = [wall["name"] for wall in ask(here, "info", AGENT)["walls"] if not wall["present"]]
    assert here.views.backend in said
    assert all(f"NO {name}" in said for name in lacks)


def test_the_trail_has_what_passed_and_what_was_refused(here: World, bottle: str) -> None:
    lines = [json.loads(line) for line in here.cli.run("logs", bottle, "--json").ok().stdout.splitlines()]
    assert {line["identity"] for line in lines} == {bottle}
    passed = [line for line in lines if line.get("host") == API_HOST and line["allowed"]]
    refused = [line for line in lines if line.get("host") == UNLISTED]
    assert {"POST"} <= {line["method"] for line in passed}
    assert {line["rule"] for line in refused if line["kind"] == "http"} == {"host.unlisted"}
    assert any(line["kind"] == "lifecycle" for line in lines)


def test_the_end_of_a_start_says_what_went_out_and_what_was_refused(here: World, attached: Done) -> None:
    said = attached.stderr.rpartition("bottle: egress: ")[2].splitlines()
    assert " refused" in said[0]
    assert any(API_HOST in line and " allowed " in line for line in said)
    assert any(UNLISTED in line and "host.unlisted" in line for line in said)


def test_bottles_side_by_side_end_one_by_one(here: World, bottle: str) -> None:
    other = start_detached(here)
    assert here.inside(other, "sh", "-c", "ls -A ~ | grep -c report.txt").stdout.strip() == "0"
    here.cli.run("stop", other).ok()
    assert [row["identity"] for row in ask(here, "list")] == [bottle]
    gone = here.inside(other, "true")
    assert gone.status in (104, 105)
    assert here.inside(bottle, "true").status == 0

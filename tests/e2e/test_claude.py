"""The real Claude Code in real bottles: what a bottle promises, asserted. `make demo` shows the same claims."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import start_detached
from tests.support import claims
from tests.support.bottle_cli import Done
from tests.support.claims import Claim
from tests.support.demo_world import AGENT, ANSWER, TOKEN_VARIABLE, World

pytestmark = pytest.mark.timeout(1800)


def hold(claim: Claim) -> None:
    assert claim.ok, f"{claim.promise}: {claim.seen}"


def test_a_task_is_done_by_tools_over_the_way_out(here: World, attached: Done) -> None:
    hold(claims.task_done(here, attached))


def test_the_answer_alone_is_on_standard_output(attached: Done) -> None:
    assert json.loads(attached.stdout)["result"] == ANSWER
    assert attached.stdout.count("\n") == 1


def test_every_model_request_carries_the_token(here: World, attached: Done) -> None:
    hold(claims.token_injected(here))


def test_nothing_is_left_of_a_bottle_whose_agent_ended(here: World, attached: Done) -> None:
    ended = [identity for identity in here.identities() if not here.views.is_running(identity)]
    assert ended
    for identity in ended:
        hold(claims.nothing_left(here, identity))


@pytest.mark.parametrize(
    "claim",
    [
        claims.file_written,
        claims.intercepted,
        claims.token_not_echoed,
        claims.no_token_in_processes,
        claims.no_token_in_files,
        claims.no_token_outside,
        claims.unlisted_refused,
        claims.push_refused,
        claims.unreachable,
        claims.no_names,
    ],
)
def test_of_a_running_bottle(here: World, bottle: str, claim: Callable[[World, str], Claim]) -> None:
    hold(claim(here, bottle))


def test_nothing_is_left_of_a_bottle_that_was_stopped(here: World, attached: Done) -> None:
    identity = start_detached(here)
    traces = here.views.traces(identity)
    here.cli.run("stop", identity).ok()
    hold(claims.nothing_left(here, identity, traces))


def test_cleanup_takes_the_kept_state_as_well(here: World, attached: Done) -> None:
    identity = start_detached(here)
    here.cli.run("stop", identity).ok()
    assert identity in here.identities()
    here.cli.run("cleanup", identity, "--yes").ok()
    assert identity not in here.identities()
    assert not [path for path in here.home.rglob("*") if identity in path.name]


def test_without_the_token_nothing_starts_and_the_variable_is_named(here: World, attached: Done) -> None:
    before = here.identities()
    poor = here.cli.without(TOKEN_VARIABLE).run("start", AGENT, "--yes", "--", "-p", "anything")
    assert (poor.status, poor.stdout) == (106, "")
    assert TOKEN_VARIABLE in poor.stderr
    assert here.identities() == before


def test_the_stand_in_saw_nothing_that_no_well_behaved_client_does(here: World, bottle: str) -> None:
    assert not here.api.faults


@pytest.mark.parametrize(
    ("needs", "command"),
    [
        ("", "ls -la ~ && stat ~"),
        (
            "git",
            "cd $(mktemp -d) && git init -q && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x",
        ),
        ("python3", "cd $(mktemp -d) && python3 -m venv --without-pip v && v/bin/python -c 'import ssl'"),
        ("python3", "cd $(mktemp -d) && python3 -m venv v"),
        ("make", "cd $(mktemp -d) && printf 'all:\\n\\techo made\\n' > Makefile && make"),
        ("node npm", 'node -e \'require("node:fs").readdirSync("/")\' && npm --version'),
        ("jq rg", "echo '{}' | jq . && rg --files ~"),
        ("ps openssl", "find ~ -maxdepth 1 && ps ax && openssl version"),
        ("", "dd if=/dev/zero of=/tmp/big bs=1M count=64 status=none && rm /tmp/big"),
        ("", "(sleep 0.1 & wait) && date && whoami"),
    ],
)
def test_the_box_is_a_place_to_work_in(here: World, bottle: str, needs: str, command: str) -> None:
    """An image has what agents need; on namespaces alone a box has what the host's system has."""
    if here.views.backend == "bubblewrap":
        lacks = [name for name in needs.split() if here.inside(bottle, "sh", "-c", f"command -v {name}").status]
        if lacks:
            pytest.skip(f"needs {', '.join(lacks)} below /usr on this host")
    done = here.inside(bottle, "sh", "-c", command)
    if "statx" in done.stderr or "cannot access" in done.stderr:
        pytest.xfail("this engine's gVisor refuses AT_NO_AUTOMOUNT, without which GNU ls and stat do not work")
    assert done.status == 0, done.stderr

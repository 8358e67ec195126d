"""A person at a terminal: the agent's own screen, its size, its end, and the terminal that goes away."""

import time
from pathlib import Path

import pytest

from tests.support import claims
from tests.support.bottle_cli import program
from tests.support.demo_world import AGENT, ANSWER, TASK, World
from tests.support.requirements import require
from tests.support.tmux import Terminal, terminal

pytestmark = pytest.mark.timeout(1800)

READY = "bypass permissions on"
CALLED = ("--label", "port", "--color", "")
DIALOGS = ("trust the files", "Do you trust", "Yes, I accept", "Select login method", "Choose the text style")


def rule(columns: int) -> str:
    """The line above and below Claude Code's prompt: as wide as the terminal is."""
    return "\n" + "─" * columns + "\n"


def left_behind(here: World, before: list[str]) -> None:
    """Whatever was started since has left nothing."""
    started = [identity for identity in here.identities() if identity not in before]
    assert len(started) == 1
    claim = claims.nothing_left(here, started[0])
    assert claim.ok, claim.seen


@pytest.fixture
def known(here: World, untouched: str) -> list[str]:
    """The bottles before the test; the images are there."""
    require("tmux")
    return here.identities()


def ready(screen: Terminal) -> str:
    """The agent's first screen."""
    shown = screen.wait_for(READY)
    assert not [dialog for dialog in DIALOGS if dialog in shown]
    return shown


def test_a_session_from_the_question_to_the_end(here: World, known: list[str], tmp_path: Path) -> None:
    with terminal(tmp_path, [*program(), "start", AGENT], here.cli.env) as screen:
        screen.wait_for(f"agent label [{AGENT}]:")
        screen.type("mend the port", "Enter")
        screen.wait_for("color (red/green/blue/... or Enter to skip):")
        screen.type("bright-cyan", "Enter")
        screen.wait_for("start this bottle?")
        screen.type("y", "Enter")
        assert rule(100) in ready(screen)
        assert "mend the port" in screen.wait_for("mend the port")
        screen.type(TASK, "Enter")
        assert "three ships" in screen.wait_for(ANSWER.split(";")[0])
        screen.resize(120, 40)
        screen.wait_for(lambda shown: rule(120) in shown and rule(100) not in shown)
        assert screen.leave_claude() == 0
        assert not here.hunt.in_bytes(screen.screen().encode())
    left_behind(here, known)


def test_a_declined_question_starts_nothing(here: World, known: list[str], tmp_path: Path) -> None:
    with terminal(tmp_path, [*program(), "start", AGENT, *CALLED], here.cli.env) as screen:
        screen.wait_for("start this bottle?")
        screen.type("n", "Enter")
        assert screen.wait() == 107
    assert here.identities() == known


def test_an_interrupted_question_starts_nothing(here: World, known: list[str], tmp_path: Path) -> None:
    with terminal(tmp_path, [*program(), "start", AGENT, *CALLED], here.cli.env) as screen:
        screen.wait_for("start this bottle?")
        screen.type("", "C-c")
        assert screen.wait() == 130
    assert here.identities() == known


def test_a_terminal_that_goes_away_takes_its_bottle_along(here: World, known: list[str], tmp_path: Path) -> None:
    with terminal(tmp_path, [*program(), "start", AGENT, "--yes"], here.cli.env) as screen:
        ready(screen)
        running = [identity for identity in here.identities() if identity not in known]
        screen.close()
        deadline = time.monotonic() + 60
        while any(here.views.remains(identity) for identity in running):
            assert time.monotonic() < deadline, "the bottle goes on without its terminal"
            time.sleep(0.2)
        time.sleep(1)
    left_behind(here, known)


def test_attach_is_a_second_agent_in_the_same_bottle(here: World, untouched: str, tmp_path: Path) -> None:
    require("tmux")
    with terminal(tmp_path, [*program(), "attach", untouched], here.cli.env) as screen:
        ready(screen)
        assert screen.leave_claude() == 0
    assert here.inside(untouched, "true").status == 0

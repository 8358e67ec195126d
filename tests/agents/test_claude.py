"""The real Claude Code in real bottles: a task of several steps in a repository, and its session taken up again."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, evolve, field

from bottle.adapters.bubblewrap import pins
from tests.support import agent_world
from tests.support.agent_world import WORKSPACE, AgentWorld
from tests.support.anthropic_api import API_HOST, AnthropicApi
from tests.support.anthropic_script import Script, Step
from tests.support.requirements import require, required
from tests.support.standin_server import Standin
from tests.support.standin_tls import server_tls
from tests.support.tmux import terminal
from tests.support.views import Place, Views

pytestmark = pytest.mark.timeout(1800)

TOKEN_VARIABLE = "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN"
TASK, ANSWER = "Mend the sum", "The sum is mended and committed."
RECALL, RECALLED = "What did you do", "As I said: mended and committed."
SKILLED, MOORED = "Moor the ship", "Moored, as the skill has it."
NO_IMAGE = 108
BOTTLE = f"""\
---
agent_provider: {{template: claude, auth_token: {TOKEN_VARIABLE}}}
backend: BACKEND
egress:
  routes:
    - host: {API_HOST}
      connect_to: CONNECT_TO
      pipelock: {{ssrf_ip_allowlist: [ADDRESS/32]}}
---
"""
CUT_OFF = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-current-user", "--net")
CALC = f"{WORKSPACE}/calc.py"


def bash(command: str, *wanted: str) -> Step:
    arguments = {"command": command, "description": "A step"}
    return Step("Bash", arguments, lambda text: all(word in text for word in wanted))


SCRIPTS = (
    Script(
        TASK,
        ANSWER,
        (
            Step("Read", {"file_path": CALC}, lambda text: "left - right" in text),
            bash(agent_world.FAIL, "FAILED (failures=1)"),
            Step(
                "Edit",
                {"file_path": CALC, "old_string": "left - right", "new_string": "left + right"},
                lambda text: CALC in text,
            ),
            bash(agent_world.PASS, "OK"),
            bash(agent_world.COMMIT, f"Coder <coder@example.com> {agent_world.MESSAGE}"),
        ),
    ),
    Script(RECALL, RECALLED),
    Script(SKILLED, MOORED, (Step("Skill", {"skill": "harbour"}, lambda text: "Launching skill" in text),)),
)


@define
class Stage:
    world: AgentWorld
    api: AnthropicApi = field(repr=False)


@pytest.fixture(scope="module")
def stage(views: Views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("claude")
    token = f"sk-ant-oat01-{secrets.token_urlsafe(48)}"
    made: list[AnthropicApi] = []

    def standin(place: Place) -> Standin:
        made.append(AnthropicApi(server_tls([API_HOST], root), token, "egress-placeholder", SCRIPTS, place.bind))
        return made[0]

    with agent_world.agent_world(
        views, root, standin, {"claude": BOTTLE}, {TOKEN_VARIABLE: token}, hunted=token
    ) as world:
        ready = world.cli.run("start", "claude", "--yes", "--", "--version", timeout=1800)
        if ready.status == NO_IMAGE and "claude" not in required():
            pytest.skip(f"the agent's program cannot be had here: {ready.stderr.strip().splitlines()[-1]}")
        ready.ok()
        yield Stage(world, made[0])


on_bubblewrap = pytest.mark.parametrize("views", ["bubblewrap"], indirect=True, scope="module")
"""What is the same on every backend is shown on the one that starts fastest."""


def test_a_task_is_done_and_its_session_taken_up_again(stage: Stage) -> None:
    identity = stage.world.start("claude", "--cwd")
    command = ("claude", "--dangerously-skip-permissions", "--output-format", "json", "-p")
    first = json.loads(stage.world.inside(identity, *command, TASK, timeout=120).ok().stdout)
    assert (first["result"], first["is_error"]) == (ANSWER, False)
    assert [result.tool for result in stage.api.results if not result.expected] == []
    log = stage.world.inside(identity, "git", "-C", WORKSPACE, "log", "--format=%an %s").ok().stdout.splitlines()
    assert log == [f"Coder {agent_world.MESSAGE}", "Owner A fault"]
    again = stage.world.inside(identity, *command, RECALL, "--resume", first["session_id"], timeout=120).ok()
    assert json.loads(again.stdout)["result"] == RECALLED
    assert json.loads(again.stdout)["session_id"] == first["session_id"]
    newest = json.loads(stage.world.inside(identity, *command, RECALL, "--continue", timeout=120).ok().stdout)
    assert (newest["result"], newest["session_id"]) == (RECALLED, first["session_id"])
    stage.world.cli.run("stop", identity).ok()
    assert not stage.api.faults


def test_a_second_start_builds_nothing_and_needs_no_network(stage: Stage) -> None:
    """Everything is there since the first. The launcher runs where no network leads anywhere: a socket of the engine
    is all that it finds."""
    cut_off = evolve(stage.world.cli, program=[*CUT_OFF, *stage.world.cli.program])
    done = cut_off.run("start", "claude", "--yes", "--", "--version").ok()
    assert done.stdout.startswith(pins.version("claude"))
    assert "making ready" not in done.stderr


@on_bubblewrap
def test_a_skill_of_the_host_is_one_of_the_agents(stage: Stage, tmp_path: Path) -> None:
    skill = tmp_path / ".claude/skills/harbour"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: harbour\ndescription: How to moor\n---\nTwo lines, bow first.\n")
    (stage.world.home / "agents/mate.md").write_text("---\nbottle: claude\nskills: [harbour]\n---\n")
    cli = evolve(stage.world.cli, env={**stage.world.cli.env, "HOME": str(tmp_path)})
    before = len(stage.api.results)
    done = cli.run("start", "mate", "--yes", "--", "--output-format", "json", "-p", SKILLED).ok()
    assert json.loads(done.stdout)["result"] == MOORED
    assert [result.expected for result in stage.api.results[before:]] == [True]


@on_bubblewrap
def test_remote_control_that_is_not_to_be_had_takes_nothing_away(stage: Stage, tmp_path: Path) -> None:
    """Claude Code connects with a full login alone; with a bottle's token it says nothing and works as ever."""
    require("tmux")
    argv = [*stage.world.cli.program, "start", "claude", "--remote-control", "--label=--far away", "--color", "green"]
    with terminal(tmp_path, argv, stage.world.cli.env) as screen:
        assert "remote control: " in screen.wait_for("start this bottle?")
        screen.type("y", "Enter")
        screen.wait_for("bypass permissions on")
        assert screen.wait_for("  --far away").count("--far away") == 2, "as the session's name and in the status line"
        screen.type(RECALL, "Enter")
        screen.wait_for(RECALLED)
        assert screen.leave_claude() == 0
    assert not stage.api.faults


def test_what_it_asks_beside_its_api_is_refused_without_harm(stage: Stage) -> None:
    """Updates, telemetry and lists of plugins: nothing of it reaches the stand-in, and every task above was done."""
    assert {one.host for one in stage.api.requests()} == {API_HOST}
    assert not stage.world.cli.hunt.in_bytes(bytes(stage.world.cli.said))
    assert not stage.world.cli.exposed

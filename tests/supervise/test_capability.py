"""Real agents ask for a tool that their image lacks, and go on with their session in a box that has it."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.life.agents import PROGRAMS, Stage, offered, stage_of
from tests.support.anthropic_script import Script, Step
from tests.support.bottle_cli import Done
from tests.support.box_views import engine
from tests.support.harbour import agreeing
from tests.support.requirements import require
from tests.support.tmux import terminal

pytestmark = pytest.mark.timeout(1800)

PROMPT, ANSWER = "Count the ships", "Three ships lie in the harbour."
ANEW = "Your box was started anew"
# Another one each time, or the image would be there already.
TOOL = f"""\
ENV VOYAGE={secrets.token_hex(8)}
RUN printf '#!/bin/sh\\necho three ships\\n' > /usr/local/bin/harbour \\
 && chmod +x /usr/local/bin/harbour
"""
NOTES = "/home/node/workspace/notes"
_ID = re.compile(r'\\*"id\\*": \\*"([a-z0-9]{8})')


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    require("docker")
    views = engine()
    assert not isinstance(views, str), views
    program = PROGRAMS[request.param]
    asking = evolve(program, manifest=program.manifest.replace("---\n", "---\nsupervise: true\n", 1))
    try:
        with stage_of(asking, views, tmp_path_factory.mktemp(request.param)) as stage:
            stage.conversations.scripts = _scripts(stage)
            yield stage
    finally:
        views.close()


@pytest.mark.parametrize("stage", ["codex"], indirect=True, scope="module")
def test_a_build_fails_and_a_task_goes_on_then_one_succeeds_and_it_goes_on_in_that(stage: Stage) -> None:
    with agreeing(stage.world.cli) as answers:
        task = ("run", stage.program.name, PROMPT, "--cwd", "--json", "--timeout", "2m")
        done = stage.world.cli.run(*task, *stage.program.words, timeout=300)
    assert json.loads(done.ok().stdout)["result"] == ANSWER
    _require_both_answers(stage, answers)


@pytest.mark.parametrize("stage", ["claude"], indirect=True, scope="module")
def test_a_person_sees_the_agent_go_on_by_itself_on_the_same_terminal(stage: Stage, tmp_path: Path) -> None:
    require("tmux")
    cli = stage.world.cli
    argv = ["env", "-C", str(cli.cwd), *cli.program, "start", stage.program.name, "--cwd", "--yes"]
    with agreeing(cli) as answers, terminal(tmp_path, argv, cli.env, rows=50) as screen:
        screen.wait_for("bypass permissions on", patience=120)
        screen.type(PROMPT, "Enter")
        screen.wait_for(ANSWER, patience=240)
        screen.type("/exit", "Enter")
        assert screen.wait(patience=120) == 0
    _require_both_answers(stage, answers)


def _require_both_answers(stage: Stage, answers: list[Done]) -> None:
    failed, applied = answers
    assert (failed.status, "was not built" in failed.stdout) == (5, True), failed.stdout
    assert json.loads(applied.ok().stdout)["state"] == "applied"
    assert [result.expected for result in stage.conversations.results] == [True] * 6
    assert stage.api.faults == []
    identity = json.loads(stage.world.cli.run("list", "--all", "--json").ok().stdout)[-1]["identity"]
    assert not stage.world.views.remains(identity)
    kept = stage.world.home / "state" / identity / "snapshot"
    assert [path.name for path in kept.iterdir()] == ["transcript.tar"], "a workspace that nobody wanted kept"
    gone = stage.world.cli.run("cleanup", identity, "--images", "--yes").ok()
    assert f"bot-bottle-{stage.program.name}:" in gone.stdout + gone.stderr, "no manifest asks for that image"


def _scripts(stage: Stage) -> list[Script]:
    run = stage.program.run

    def asked(before: str) -> Mapping[str, Any]:
        found = _ID.search(before)
        assert found is not None, before
        return {"id": found[1]}

    def patiently(before: str) -> Mapping[str, Any]:
        return {**asked(before), "seconds": 240}

    def call(tool: str, arguments: Any, *wanted: str) -> Step:
        name = offered(stage.program.name, tool)
        return Step(name, arguments, lambda text: all(word in text for word in wanted))

    def wish(lines: str) -> Step:
        return call("capability-block", {"dockerfile": lines, "why": "to count them"}, "pending")

    wanted = ("three ships", "two piers", "node")
    asking = (
        run(f"echo two piers > {NOTES}; harbour", lambda text: "not found" in text),
        wish("RUN echo was not built && false"),
        call("wait", patiently, "failed", "was not built"),
        wish(TOOL),
        call("wait", patiently, "nobody lives to hear of it"),
    )
    going_on = (
        call("status", asked, "applied"),
        run(f"harbour; cat {NOTES}; id -un", lambda text: all(word in text for word in wanted)),
    )
    return [
        Script(ANEW, ANSWER, going_on),
        Script(PROMPT, "It should have been interrupted.", asking),
    ]

"""Real agents do a task by themselves, end, and go on with the same session in the same workspace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.life.agents import ANSWER, LOG, PROGRAMS, RECALL, RECALLED, TASK, Stage, stage_of
from tests.support import agent_world
from tests.support.box_views import engine
from tests.support.namespace_views import namespaces
from tests.support.requirements import require
from tests.support.tmux import terminal
from tests.support.views import Views

pytestmark = pytest.mark.timeout(1800)


CASES = (("claude", "docker"), ("claude", "bubblewrap"), ("codex", "bubblewrap"))
"""What is particular to a program is shown on one backend, and what to a backend with one program."""


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    program, backend = request.param
    require(backend)
    views: Views | str = {"docker": engine, "bubblewrap": namespaces}[backend]()
    assert not isinstance(views, str), views
    try:
        with stage_of(PROGRAMS[program], views, tmp_path_factory.mktemp(program)) as stage:
            yield stage
    finally:
        views.close()


def run(stage: Stage, *arguments: str) -> dict[str, Any]:
    done = stage.world.cli.run("run", stage.program.name, *arguments, "--json", *stage.program.words, timeout=300)
    found: dict[str, Any] = json.loads(done.ok().stdout)
    assert "could not be kept" not in done.stderr
    return found


def test_a_session_and_its_workspace_go_on_from_task_to_task_to_a_person(stage: Stage, tmp_path: Path) -> None:
    first = run(stage, TASK, "--cwd", "--keep-workspace")
    identity = first["identity"]
    assert (first["result"], first["exit_status"], first["timed_out"]) == (ANSWER, 0, False)
    assert first["egress"]["requests"] >= 2
    assert first["session_id"]
    assert not stage.world.views.is_running(identity)

    second = run(stage, RECALL, "--resume", identity)  # its script looks for the commit in the workspace
    assert second["result"] == RECALLED
    assert second["session_id"] == first["session_id"]
    assert ANSWER in stage.conversations.histories[-1]  # the model is told what was said before

    if stage.world.views.backend == "bubblewrap":
        seen_again(stage, identity, tmp_path)
    else:
        resumed = stage.world.cli.run("resume", identity, "--yes", "--detach", "--json").ok()
        assert json.loads(resumed.stdout) == {"identity": identity}
        log = stage.world.inside(identity, *LOG.split()).ok().stdout.splitlines()
        assert log == [agent_world.MESSAGE, "A fault"]
        stage.world.cli.run("stop", identity).ok()
    assert not stage.world.views.remains(identity)
    stage.require_nothing_wrong()


def seen_again(stage: Stage, identity: str, folder: Path) -> None:
    """A person resumes it at a terminal, sees what was said, and goes on."""
    require("tmux")
    cli = stage.world.cli
    argv = [*cli.program, "resume", identity, "--yes", *stage.program.words]
    with terminal(folder, ["env", "-C", str(cli.cwd), *argv], cli.env) as screen:
        screen.wait_for(ANSWER)
        screen.type(RECALL, "Enter")
        screen.wait_for(lambda shown: shown.count(RECALLED) > 1)
        cli.run("stop", identity).ok()
    assert ANSWER in stage.conversations.histories[-1]

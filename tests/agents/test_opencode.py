"""The worked example of a provider plugin: the real OpenCode, in its own image on docker, and a stand-in of Ollama."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field

from bottle.adapters.bubblewrap import managed
from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.managed import Shelf, registry_of
from bottle.adapters.bubblewrap.pins import Release
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import ProvisionError
from tests.support import agent_world
from tests.support.agent_world import AgentWorld
from tests.support.anthropic_script import Script, Step
from tests.support.bottles import build_roots
from tests.support.demo_world import CHECKOUT, TOOLS
from tests.support.ollama_api import OllamaApi
from tests.support.requirements import required
from tests.support.standin_server import Standin
from tests.support.views import Place, Views

pytestmark = pytest.mark.timeout(1800)

RELEASE = Release(
    program="opencode",
    version="1.18.33",
    path="opencode-linux-x64/-/opencode-linux-x64-1.18.33.tgz",
    sha512="abfb7fde9d824f1393f72da4be37ac6ff2d969bdbed5eaa5861580d3605eea68"
    "d3b6662d341701b2b239c83a38170ed948f056da8c8c20630d46a88a4238805b",
    root="package",
    members=("bin/opencode",),
    entry="bin/opencode",
)
HOST, MODEL = "ollama.home.arpa", "qwen2.5-coder:14b"
TASK, ANSWER = "Mend the sum", "The sum is mended and committed."
BOTTLE = f"""\
---
agent_provider: {{template: opencode}}
backend: BACKEND
env:
  OPENCODE_MODEL: {MODEL}
egress:
  routes:
    - host: {HOST}
      scheme: http
      ports: [11434]
      connect_to: CONNECT_TO
      pipelock: {{ssrf_ip_allowlist: [ADDRESS/32]}}
---
"""


def bash(command: str, *wanted: str) -> Step:
    arguments = {"command": command, "description": "A step"}
    return Step("bash", arguments, lambda text: all(word in text for word in wanted))


SCRIPT = Script(
    TASK,
    ANSWER,
    (
        bash(agent_world.READ, "left - right"),
        bash(f"{agent_world.FAIL} 2>&1", "FAILED (failures=1)"),
        bash(agent_world.EDIT),
        bash(f"{agent_world.PASS} 2>&1", "OK"),
        bash(agent_world.COMMIT, f"Coder <coder@example.com> {agent_world.MESSAGE}"),
    ),
)


@define
class Stage:
    world: AgentWorld
    api: OllamaApi = field(repr=False)


def opencode() -> Path:
    """The directory of the program, installed once."""
    shelf = Shelf(TOOLS, registry_of(os.environ, Path.home()), Line(os.environ, build_roots))
    try:
        managed.install(RELEASE, shelf, FakeProgress())
    except ProvisionError as error:
        if "opencode" in required():
            raise
        pytest.skip(f"OpenCode cannot be had here: {error}")
    return (shelf.place(RELEASE) / RELEASE.entry).parent


@pytest.fixture(scope="module")
def stage(views: Views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("opencode")
    made: list[OllamaApi] = []

    def standin(place: Place) -> Standin:
        made.append(OllamaApi(f"{HOST}:11434", MODEL, [SCRIPT], place.bind))
        return made[0]

    programs = [str(opencode())] if views.backend == "bubblewrap" else []
    path = {"PATH": os.pathsep.join([*programs, os.environ["PATH"]])}
    with agent_world.agent_world(views, root, standin, {"opencode": BOTTLE}, path, hunted="n" * 40) as world:
        shutil.copytree(CHECKOUT / "examples/plugins/opencode", world.home / "contrib/opencode")
        yield Stage(world, made[0])


on_bubblewrap = pytest.mark.parametrize("views", ["bubblewrap"], indirect=True, scope="module")


def test_a_task_is_done_with_a_local_model_over_plain_http(stage: Stage) -> None:
    arguments = ("start", "opencode", "--cwd", "--yes", "--", "run", "--format", "json", TASK)
    done = stage.world.cli.run(*arguments, timeout=900).ok()
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["part"]["text"] for event in events if event["type"] == "text"] == [ANSWER]
    assert [result.text for result in stage.api.results if not result.expected] == []
    assert len(stage.api.results) == len(SCRIPT.steps)
    assert not stage.api.faults, "it asks nothing else of Ollama, and no credential arrives there"


@on_bubblewrap
def test_the_context_is_set_for_an_agents_task(stage: Stage) -> None:
    identity = stage.world.start("opencode")
    settings = stage.world.inside(identity, "cat", "/home/node/.config/opencode/opencode.json").ok().stdout
    model = json.loads(settings)["provider"]["ollama"]["models"][MODEL]
    assert model["limit"]["context"] >= 64 * 1024
    stage.world.cli.run("stop", identity).ok()


@on_bubblewrap
def test_without_a_model_the_plugin_says_what_is_missing(stage: Stage) -> None:
    manifest = stage.world.home / "bottles/opencode.md"
    text = manifest.read_text()
    manifest.write_text(text.replace(f"  OPENCODE_MODEL: {MODEL}\n", "  OTHER: x\n"))
    try:
        done = stage.world.cli.run("info", "opencode")
    finally:
        manifest.write_text(text)
    assert done.status == 3
    assert "OPENCODE_MODEL names no model" in done.stderr

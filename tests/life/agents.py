"""A world for each agent program in which it can be given a task and, later, another one."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field, frozen

from tests.support import agent_world
from tests.support.agent_world import WORKSPACE, AgentWorld
from tests.support.anthropic_api import API_HOST as CLAUDE_HOST
from tests.support.anthropic_api import AnthropicApi
from tests.support.anthropic_script import Conversations, Script, Step
from tests.support.bottles import building
from tests.support.openai_api import API_HOST as CODEX_HOST
from tests.support.openai_api import OpenAiApi
from tests.support.openai_script import Responses
from tests.support.requirements import required
from tests.support.standin_server import Standin
from tests.support.standin_tls import server_tls
from tests.support.views import Place, Views

VARIABLE = "BOT_BOTTLE_LIFE_TOKEN"
TASK, ANSWER = "Mend the sum", "The sum is mended and committed."
RECALL, RECALLED = "What did you do", "As I said: mended and committed."
LOG = f"git -C {WORKSPACE} log --format=%s"
NO_IMAGE = 108
ROUTE = """\
backend: BACKEND
egress:
  routes:
    - host: {host}
      connect_to: CONNECT_TO
      pipelock: {{ssrf_ip_allowlist: [ADDRESS/32]}}
"""


@frozen
class Program:
    """One agent program: its manifest, its words for the model, its tool for a command, and its stand-in."""

    name: str
    manifest: str
    words: Sequence[str]
    run: Callable[[str, Callable[[str], bool]], Step]
    standin: Callable[[Path, str, Sequence[Script], Place], Standin]

    def scripts(self) -> Sequence[Script]:
        def committed(text: str) -> bool:
            return agent_world.MESSAGE in text

        mend = f"cd {WORKSPACE} && {agent_world.EDIT} && {agent_world.COMMIT}"
        return (
            Script(TASK, ANSWER, (self.run(mend, committed),)),
            Script(RECALL, RECALLED, (self.run(LOG, committed),)),
        )


def _bash(command: str, wanted: Callable[[str], bool]) -> Step:
    return Step("Bash", {"command": command, "description": "A step"}, wanted)


def _exec(command: str, wanted: Callable[[str], bool]) -> Step:
    return Step("exec_command", {"cmd": command}, wanted)


def _anthropic(root: Path, token: str, scripts: Sequence[Script], place: Place) -> Standin:
    return AnthropicApi(server_tls([CLAUDE_HOST], root), token, "egress-placeholder", scripts, place.bind)


def _openai(root: Path, token: str, scripts: Sequence[Script], place: Place) -> Standin:
    tls = server_tls([CODEX_HOST], root)
    return OpenAiApi(tls, {CODEX_HOST: token}, "egress-placeholder", scripts, account="", address=place.bind)


PROGRAMS: Mapping[str, Program] = {
    "claude": Program(
        "claude",
        f"---\nagent_provider: {{template: claude, auth_token: {VARIABLE}}}\n{ROUTE.format(host=CLAUDE_HOST)}---\n",
        (),
        _bash,
        _anthropic,
    ),
    "codex": Program(
        "codex",
        f"---\nagent_provider: {{template: codex}}\n{ROUTE.format(host=CODEX_HOST)}"
        f"      auth: {{token_ref: {VARIABLE}}}\n---\n",
        ("--", "-m", "gpt-5.2-codex"),
        _exec,
        _openai,
    ),
}


def offered(program: str, tool: str) -> str:
    """What a tool of the supervise server is called where the model is offered it."""
    return f"mcp__supervise__{tool}" if program == "claude" else f"mcp__supervise/{tool.replace('-', '_')}"


@define
class Stage:
    """A world in which one program can be started as the agent of its own name."""

    program: Program
    world: AgentWorld
    api: Standin = field(repr=False)

    @property
    def conversations(self) -> Conversations | Responses:
        if isinstance(self.api, AnthropicApi):
            return self.api.conversations
        assert isinstance(self.api, OpenAiApi)
        return self.api.responses

    def require_nothing_wrong(self) -> None:
        """No fault of the stand-in's, no tool result but the expected ones, and nobody saw the token."""
        assert not self.api.faults
        assert [result for result in self.conversations.results if not result.expected] == []
        assert not self.world.cli.hunt.in_bytes(bytes(self.world.cli.said))
        assert not self.world.cli.exposed


@contextmanager
def stage_of(program: Program, views: Views, root: Path) -> Iterator[Stage]:
    token = f"sk-ant-oat01-{secrets.token_urlsafe(48)}"
    made: list[Standin] = []

    def standin(place: Place) -> Standin:
        made.append(program.standin(root, token, program.scripts(), place))
        return made[0]

    bottles = {program.name: program.manifest}
    with agent_world.agent_world(views, root, standin, bottles, {VARIABLE: token}, hunted=token) as world:
        with building():
            ready = world.cli.run("start", program.name, "--yes", "--", "--version", timeout=1800)
        if ready.status == NO_IMAGE and program.name not in required():
            pytest.skip(f"the agent's program cannot be had here: {ready.stderr.strip().splitlines()[-1]}")
        ready.ok()
        yield Stage(program, world, made[0])

"""The real Codex in real bottles against a strict stand-in: the host's login or a key, WebSocket or plain HTTPS."""

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from bottle.domain.supervise import SERVICE
from tests.support import agent_world
from tests.support.agent_world import WORKSPACE, AgentWorld
from tests.support.anthropic_script import Script, Step
from tests.support.bottle_cli import Done
from tests.support.openai_api import API_HOST, CHATGPT_HOST, RESPONSES, OpenAiApi
from tests.support.requirements import require, required
from tests.support.standin_server import Standin
from tests.support.standin_tls import server_tls
from tests.support.tmux import terminal
from tests.support.views import Place, Views

pytestmark = pytest.mark.timeout(1800)

ACCOUNT = "5c1a7be0-account"
KEY_VARIABLE = "BOT_BOTTLE_OPENAI_KEY"
TASK, ANSWER = "Mend the sum", "The sum is mended and committed."
RECALL, RECALLED = "What did you do", "As I said: mended and committed."
ASK, ASKED = "Ask after the answer", "There is none."
NONE = "no proposal of yours"
NO_IMAGE = 108

ROUTE = """\
    - host: {host}
      connect_to: CONNECT_TO
      pipelock: {{ssrf_ip_allowlist: [ADDRESS/32]}}
"""
LOGIN_BOTTLE = f"""\
---
agent_provider: {{template: codex, forward_host_credentials: true}}
backend: BACKEND
egress:
  routes:
{ROUTE.format(host=CHATGPT_HOST)}---
"""
KEY_BOTTLE = f"""\
---
agent_provider: {{template: codex}}
backend: BACKEND
egress:
  routes:
{ROUTE.format(host=API_HOST)}      auth: {{token_ref: {KEY_VARIABLE}}}
---
"""


def run(command: str, *wanted: str) -> Step:
    return Step("exec_command", {"cmd": command}, lambda text: all(word in text for word in wanted))


SCRIPTS = (
    Script(
        TASK,
        ANSWER,
        (
            run(agent_world.READ, "left - right", "test_two_numbers"),
            run(agent_world.FAIL, "FAILED (failures=1)"),
            run(agent_world.EDIT),
            run(agent_world.PASS, "OK"),
            run(agent_world.COMMIT, f"Coder <coder@example.com> {agent_world.MESSAGE}"),
        ),
    ),
    Script(RECALL, RECALLED),
    Script(ASK, ASKED, (Step("mcp__supervise/wait", {"id": "none", "seconds": 1}, lambda text: NONE in text),)),
)


@define
class Stage:
    """A world in which Codex can be started with a login (`login`) or with a key (`key`)."""

    world: AgentWorld
    api: OpenAiApi = field(repr=False)
    token: str = field(repr=False)

    def exec(self, agent: str, *arguments: str) -> tuple[Done, Sequence[dict[str, Any]]]:
        """`codex exec` in a bottle with the repository, and the events that it printed."""
        command = ("start", agent, "--cwd", "--yes", "--", "exec", "--json", "-m", MODEL, *arguments)
        done = self.world.cli.run(*command)
        return done, events(done)

    def inside(self, identity: str, *arguments: str) -> Sequence[dict[str, Any]]:
        """The events of `codex exec` in a bottle that runs."""
        command = ("codex", "--dangerously-bypass-approvals-and-sandbox", "exec", "-m", MODEL, "--json", *arguments)
        return events(self.world.inside(identity, *command, timeout=120).ok())


MODEL = "gpt-5.2-codex"
"""One that is offered plain functions as tools."""


def events(done: Done) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def said(found: Sequence[dict[str, Any]]) -> list[str]:
    items = [event["item"] for event in found if event["type"] == "item.completed"]
    return [item["text"] for item in items if item["type"] == "agent_message"]


def access_token() -> str:
    parts = ({"alg": "RS256"}, {"exp": int((datetime.now(UTC) + timedelta(days=5)).timestamp())})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, secrets.token_urlsafe(32)])


def log_in(folder: Path, token: str) -> None:
    """What `codex login` leaves on a host."""
    about = base64.urlsafe_b64encode(json.dumps({"email": "owner@example.com"}).encode()).rstrip(b"=").decode()
    tokens = {"id_token": f"e30.{about}.x", "access_token": token, "refresh_token": "made-up", "account_id": ACCOUNT}
    folder.mkdir()
    (folder / "auth.json").write_text(json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens}))


@pytest.fixture(scope="module")
def stage(views: Views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("codex")
    token, key = access_token(), f"sk-{secrets.token_urlsafe(32)}"
    log_in(root / "codex", token)
    made: list[OpenAiApi] = []

    def standin(place: Place) -> Standin:
        tokens = {CHATGPT_HOST: token, API_HOST: key}
        tls = server_tls([CHATGPT_HOST, API_HOST], root)
        made.append(
            OpenAiApi(tls, tokens, "egress-placeholder", SCRIPTS, account=ACCOUNT, websocket=True, address=place.bind)
        )
        return made[0]

    variables = {"CODEX_HOME": str(root / "codex"), KEY_VARIABLE: key}
    asking = KEY_BOTTLE.replace("backend:", "supervise: true\nbackend:")
    bottles = {"login": LOGIN_BOTTLE, "key": KEY_BOTTLE, "asking": asking}
    with agent_world.agent_world(views, root, standin, bottles, variables, hunted=token) as world:
        stage = Stage(world, made[0], token)
        ready = world.cli.run("start", "login", "--yes", "--", "--version", timeout=1800)
        if ready.status == NO_IMAGE and "codex" not in required():
            pytest.skip(f"the agent's program cannot be had here: {ready.stderr.strip().splitlines()[-1]}")
        ready.ok()
        yield stage


on_bubblewrap = pytest.mark.parametrize("views", ["bubblewrap"], indirect=True, scope="module")
"""What the sidecar does is the same on every backend: it is shown on the one that starts fastest."""


def test_a_task_is_done_over_a_websocket_with_the_hosts_login(stage: Stage) -> None:
    stage.api.websocket = True
    upgrades = stage.api.upgrades
    done, found = stage.exec("login", TASK)
    done.ok()
    assert said(found)[-1] == ANSWER
    assert [result.tool for result in stage.api.results if not result.expected] == []
    assert stage.api.upgrades > upgrades
    assert stage.api.requests(RESPONSES[CHATGPT_HOST])[-1].method == "GET"
    assert not stage.api.faults


@on_bubblewrap
def test_a_task_is_done_over_https_where_no_websocket_is_to_be_had(stage: Stage) -> None:
    stage.api.websocket = False
    done, found = stage.exec("login", TASK)
    done.ok()
    assert said(found)[-1] == ANSWER
    asked = [one for one in stage.api.requests(RESPONSES[CHATGPT_HOST]) if one.method == "POST"]
    assert len(asked) == 6
    assert {one.credential for one in asked} == {"right"}
    assert not stage.api.faults


@on_bubblewrap
def test_a_task_is_done_with_a_key_that_goes_to_the_api_alone(stage: Stage) -> None:
    before = len(stage.api.requests(host=CHATGPT_HOST))
    done, found = stage.exec("key", TASK)
    done.ok()
    assert said(found)[-1] == ANSWER
    assert {one.credential for one in stage.api.requests(host=API_HOST)} == {"right"}
    assert len(stage.api.requests(host=CHATGPT_HOST)) == before
    assert not stage.api.faults


def test_a_session_is_resumed_and_nothing_of_the_login_is_in_the_box(stage: Stage) -> None:
    identity = stage.world.start("login", "--cwd")
    first = stage.inside(identity, TASK)
    thread = next(event["thread_id"] for event in first if event["type"] == "thread.started")
    again = stage.inside(identity, "resume", thread, RECALL)
    assert (said(first)[-1], said(again)) == (ANSWER, [RECALLED])
    assert next(event["thread_id"] for event in again if event["type"] == "thread.started") == thread
    status = stage.world.inside(identity, "codex", "login", "status").ok()
    assert "Logged in using ChatGPT" in status.stdout + status.stderr
    views, hunt = stage.world.views, stage.world.cli.hunt
    assert not views.files(identity, hunt)[0]
    assert not views.processes(identity, hunt)[0]
    log = stage.world.inside(identity, "git", "-C", WORKSPACE, "log", "--format=%an %s").ok().stdout.splitlines()
    assert log == [f"Coder {agent_world.MESSAGE}", "Owner A fault"]
    stage.world.cli.run("stop", identity).ok()
    goes_on_in_another_box(stage, identity, thread)


def goes_on_in_another_box(stage: Stage, identity: str, thread: str) -> None:
    """Nobody has told bottle the session's id: it is the newest, and the model is told what was said in it."""
    resumed = stage.world.cli.run("run", "login", RECALL, "--resume", identity, "--json", "--", "-m", MODEL).ok()
    told = json.loads(resumed.stdout)
    assert (told["result"], told["session_id"], told["exit_status"]) == (RECALLED, thread, 0)
    assert ANSWER in stage.api.responses.histories[-1]


@on_bubblewrap
def test_who_may_ask_has_the_entry_that_codex_would_write_and_is_answered(stage: Stage) -> None:
    identity = stage.world.start("asking")
    stage.world.inside(identity, "codex", "mcp", "add", "again", "--url", f"http://{SERVICE}/").ok()
    listed = json.loads(stage.world.inside(identity, "codex", "mcp", "list", "--json").ok().stdout)
    ours, its = ({**server, "name": ""} for server in sorted(listed, key=lambda server: server["name"] == "again"))
    assert ours == {**its, "tool_timeout_sec": 600.0}, "and an operator has ten minutes to answer"
    assert said(stage.inside(identity, ASK))[-1] == ASKED
    assert [result.tool for result in stage.api.results if not result.expected] == []
    assert not stage.api.faults
    stage.world.cli.run("stop", identity).ok()


def test_a_person_at_a_terminal_meets_no_dialog(stage: Stage, tmp_path: Path) -> None:
    require("tmux")
    cli = stage.world.cli
    argv = [*cli.program, "start", "login", "--cwd", "--yes", "--", "-m", MODEL]
    with terminal(tmp_path, ["env", "-C", str(cli.cwd), *argv], cli.env) as screen:
        shown = screen.wait_for("OpenAI Codex")
        assert "Sign in" not in shown
        assert "trust" not in shown.lower()
        screen.wait_for("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}")
        screen.type(TASK, "Enter")
        screen.wait_for(ANSWER)
        screen.type("/quit", "Enter")
        assert screen.wait() == 0
        assert not cli.hunt.in_bytes(screen.screen().encode())
    assert not stage.api.faults


def test_nobody_said_the_token_and_only_the_sidecar_had_it(stage: Stage) -> None:
    assert not stage.world.cli.hunt.in_bytes(bytes(stage.world.cli.said))
    assert not stage.world.cli.exposed


def test_an_old_login_is_refused_before_anything_starts(stage: Stage, tmp_path: Path) -> None:
    payload = base64.urlsafe_b64encode(b'{"exp": 1000000000}').rstrip(b"=").decode()
    log_in(tmp_path / "codex", f"e30.{payload}.x")
    cli = stage.world.cli
    old = cli.without("CODEX_HOME")
    old.env = {**old.env, "CODEX_HOME": str(tmp_path / "codex")}
    done = old.run("start", "login", "--yes")
    assert done.status == 106
    assert "ends at 2001-09-09" in done.stderr
    assert "codex login --device-auth" in done.stderr

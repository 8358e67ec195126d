"""The loop of a stuck agent in real bottles: refused, asks, is answered, goes on; with plain clients and with the real
Claude Code."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from tests.patterns.tokens import drawn
from tests.support import demo_world
from tests.support.anthropic_script import Script, Step
from tests.support.bottle_cli import Done, program
from tests.support.box_views import engine
from tests.support.demo_world import World
from tests.support.harbour import HARBOUR, agreeing, harbour
from tests.support.namespace_views import namespaces
from tests.support.requirements import require, required
from tests.support.standin_tls import server_tls
from tests.support.tmux import terminal
from tests.support.views import Views

pytestmark = pytest.mark.timeout(1800)

TOKEN, OTHER_TOKEN = (drawn("glpat-{url:20}", random.Random(seed)) for seed in (41, 42))
PROMPT = "Fetch the harbour list"
NO_IMAGE = 108


@define
class Place:
    """A world with a supervised bottle, and a server of the operator's network that no manifest names."""

    world: World
    origin: str
    """host:port"""
    identity: str = ""

    def curl(self, *more: str) -> Done:
        return self.world.inside(self.identity, "curl", "-sS", "-m", "20", *more, f"https://{self.origin}/")

    def ask(self, tool: str, **arguments: object) -> Any:
        """What the server says to a call from the box. It takes ten proposals a minute, whichever test they are of."""
        deadline = time.monotonic() + 90
        while "within a minute" in (said := self._said(tool, arguments))["content"][0]["text"]:
            assert time.monotonic() < deadline, said
            time.sleep(2)
        assert not said["isError"], said
        return json.loads(said["content"][0]["text"])

    def _said(self, tool: str, arguments: dict[str, object]) -> Any:
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        }
        headers = ("-H", "Content-Type: application/json", "-H", "Accept: application/json")
        said = self.world.inside(
            self.identity, "curl", "-sS", "-m", "60", *headers, "-d", json.dumps(message), "http://supervise:9100/"
        )
        return json.loads(said.ok().stdout)["result"]

    def wish(self) -> dict[str, object]:
        host, _, port = self.origin.partition(":")
        return {"host": host, "port": int(port), "methods": ["GET"], "why": "the list of ships is there"}

    def asked(self) -> str:
        number: str = self.ask("egress-block", **self.wish())["id"]
        return number

    def supervise(self, *arguments: str) -> Done:
        return self.world.cli.run("supervise", *arguments)


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def views(request: pytest.FixtureRequest) -> Iterator[Views]:
    require(request.param)
    found: Views | str = {"docker": engine, "bubblewrap": namespaces}[request.param]()
    assert not isinstance(found, str), found
    yield found
    found.close()


@pytest.fixture(scope="module")
def place(views: Views, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("world")
    with demo_world.world(views, root) as world:
        # Clients go to 127.0.0.1 without a proxy (NO_PROXY); the whole of 127.0.0.0/8 is this host.
        address = "127.0.0.2" if world.place.connect == "127.0.0.1" else world.place.connect
        tls = server_tls([address], root)
        with harbour(tls, address if address == "127.0.0.2" else world.place.bind) as port:
            bundle = root / "upstream-ca.pem"
            bundle.write_text(bundle.read_text() + tls.root)
            _supervised(world)
            place = Place(world, f"{address}:{port}")
            place.identity = _start(place)
            yield place


def test_a_host_is_refused_asked_for_granted_and_reached(place: Place) -> None:
    refused = place.curl("-i").stdout
    number = place.asked()
    assert place.ask("status", id=number)["state"] == "pending"
    listed = json.loads(place.supervise("list", "--json").ok().stdout)
    assert [(one["id"], one["identity"], one["state"]) for one in listed] == [(number, place.identity, "pending")]
    unaware = place.supervise("approve", number, "--once")
    assert (unaware.status, place.ask("status", id=number)["state"]) == (2, "pending")
    assert "no public address" in unaware.stderr
    place.supervise("approve", number, "--once", "--even-so").ok()
    assert place.ask("wait", id=number)["state"] == "applied"
    assert place.curl().stdout.encode() == HARBOUR
    again = place.curl("-i").stdout
    assert "host.unlisted" in refused
    assert "host.unlisted" in again, "approved for one request, and there was a second one"


def test_a_refusal_comes_with_its_reason(place: Place) -> None:
    number = place.asked()
    place.supervise("reject", number, "--reason", "read the copy in the repository").ok()
    answered = place.ask("wait", id=number)
    assert (answered["state"], answered["reason"]) == ("rejected", "read the copy in the repository")
    twice = place.supervise("approve", number, "--even-so")
    assert (twice.status, place.ask("status", id=number)["state"]) == (9, "rejected")


def test_a_question_gets_its_answer(place: Place) -> None:
    number = place.ask("ask", question="Which pier?", choices=["north", "south"])["id"]
    place.supervise("approve", number, "--answer", "south").ok()
    assert place.ask("wait", id=number)["answer"] == "south"


def test_the_box_has_none_of_the_files(place: Place) -> None:
    """What the agent could write to, it could approve."""
    number = place.asked()
    found = place.world.inside(place.identity, "sh", "-c", f"find / -name '*{number}*' 2>/dev/null; ls -d /supervise")
    place.supervise("reject", number, "--reason", "a test").ok()
    assert found.stdout == ""


@pytest.mark.parametrize("views", ["bubblewrap"], indirect=True, scope="module")
def test_without_images_nothing_is_built_and_an_operator_can_say_that_it_is_done(place: Place) -> None:
    number = place.ask("capability-block", dockerfile="RUN apt-get install -y graphviz", why="to draw")["id"]
    refused = place.supervise("approve", number)
    assert (refused.status, "builds no images" in refused.stderr, "--by-hand" in refused.stderr) == (2, True, True)
    assert place.ask("status", id=number)["state"] == "pending"
    place.supervise("approve", number, "--by-hand").ok()
    told = place.ask("wait", id=number)
    assert (told["state"], "installed it" in told["reason"]) == ("applied", True)


def test_the_list_says_who_serves_and_what_the_bottle_is_called(place: Place) -> None:
    (row,) = json.loads(place.world.cli.run("list", "--json").ok().stdout)
    assert (row["label"], row["color"]) == ("harbour watch", "bright-cyan")
    assert ("supervise" in row["services"], row["pending"]) == (True, 0)


def test_everything_is_in_the_trail(place: Place) -> None:
    number = place.ask("ask", question="Is it noted?")["id"]
    place.supervise("approve", number, "--answer", "it is").ok()
    lines = [
        json.loads(line) for line in place.world.cli.run("logs", place.identity, "--json").ok().stdout.splitlines()
    ]
    said = [line for line in lines if line["kind"] == "supervise" and number in line["reason"]]
    assert [(line["rule"], line["allowed"]) for line in said] == [("ask.asked", True), ("ask.applied", True)]
    assert "Is it noted?" in said[0]["reason"]
    assert "it is" in said[1]["reason"]


def test_the_real_claude_is_refused_asks_waits_and_completes(place: Place) -> None:
    place.world.api.conversations.scripts = [*place.world.api.conversations.scripts, _script(place)]
    claude = ("claude", "--dangerously-skip-permissions", "-p", PROMPT, "--output-format", "json")
    with agreeing(place.world.cli, "--minutes", "5", "--even-so"):
        done = place.world.inside(place.identity, *claude, timeout=180)
    results = [(result.tool, result.expected) for result in place.world.api.results]
    assert results[-4:] == [
        ("Bash", True),
        ("mcp__supervise__egress-block", True),
        ("mcp__supervise__wait", True),
        ("Bash", True),
    ]
    assert json.loads(done.ok().stdout)["result"] == "three ships"


def test_what_the_scanner_found_is_refused_asked_for_and_passes(place: Place) -> None:
    place.supervise("approve", place.asked(), "--minutes", "5", "--even-so").ok()
    note = ("-H", f"X-Note: {TOKEN}")
    refused = json.loads(place.curl(*note).stdout)
    assert refused["rule"].startswith("dlp.")
    asked = {"fingerprint": refused["fingerprint"], "why": "a token of the documentation"}
    number = place.ask("pipelock-block", **asked)["id"]
    assert f"{refused['rule']}: " in place.supervise("show", number).ok().stdout, "told from the trail"
    place.supervise("approve", number).ok()
    assert place.ask("wait", id=number)["state"] == "applied"
    assert place.curl(*note).stdout.encode() == HARBOUR
    other = json.loads(place.curl("-H", f"X-Note: {OTHER_TOKEN}").stdout)
    assert other["rule"].startswith("dlp."), "what was not approved is refused as ever"


def test_the_dashboard_answers_and_hands_the_terminal_to_the_agent_and_back(place: Place, tmp_path: Path) -> None:
    require("tmux")
    with terminal(tmp_path, [*program(), "dashboard"], place.world.cli.env, columns=120, rows=40) as screen:
        screen.wait_for("1 running")
        number = place.asked()
        screen.wait_for("Asked · 1")
        screen.type("", "Tab", "Enter")
        screen.wait_for("Reject…")
        screen.type("", "C-y")
        assert "no public address" in screen.wait_for("Approve even so?")
        screen.type("y")
        assert place.ask("wait", id=number)["state"] == "applied"
        screen.wait_for("Nobody waits for an answer")
        screen.type("", "BTab")
        screen.wait_for("Attach")
        screen.type("a")
        screen.wait_for("bypass permissions on", patience=120)
        screen.type("/exit", "Enter")
        screen.wait_for("1 running", patience=120)
        screen.type("q")
        assert screen.wait() == 0
    assert place.identity in place.world.cli.run("list").ok().stdout, "bottles go on without a dashboard"


def test_nothing_is_left_of_it_and_the_authoritys_key_goes_first(place: Place) -> None:
    """It comes last: the bottle ends here."""
    key = place.world.home / "state" / place.identity / "supervise" / "authority.key"
    assert key.stat().st_mode & 0o777 == 0o600
    number = place.asked()
    place.world.cli.run("stop", place.identity).ok()
    assert not key.exists()
    late = place.supervise("approve", number, "--even-so")
    assert (late.status, "is not running" in late.stderr) == (5, True)
    place.world.cli.run("cleanup", place.identity, "--yes").ok()
    assert not key.parent.parent.exists(), "what the server's user wrote goes too"


def _script(place: Place) -> Script:
    fetch = {"command": f"curl -sS -i -m 20 https://{place.origin}/", "description": "Fetch the list"}
    return Script(
        prompt=PROMPT,
        answer="three ships",
        steps=(
            Step("Bash", fetch, lambda text: "host.unlisted" in text),
            Step("mcp__supervise__egress-block", place.wish(), lambda text: "pending" in text),
            Step(
                "mcp__supervise__wait",
                lambda asked: {"id": json.loads(asked)["id"], "seconds": 120},
                lambda text: "applied" in text,
            ),
            Step("Bash", fetch, lambda text: HARBOUR.decode() in text),
        ),
    )


def _supervised(world: World) -> None:
    bottle = world.home / "bottles" / "demo.md"
    bottle.write_text(bottle.read_text().replace("---\n", "---\nsupervise: true\n", 1))


def _start(place: Place) -> str:
    called = ("--label", "harbour watch", "--color", "bright-cyan")
    started = place.world.cli.run("start", demo_world.AGENT, "--yes", "--detach", "--json", *called, timeout=1800)
    if started.status == NO_IMAGE and "claude" not in required():
        pytest.skip(f"the agent's program cannot be had here: {started.stderr.strip().splitlines()[-1]}")
    identity: str = json.loads(started.ok().stdout)["identity"]
    return identity

"""`bottle` itself on machines: an agent runs, reaches what is named, is refused elsewhere, and leaves nothing."""

import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, field, frozen

from bottle.adapters import process
from tests.support import forks, smolmachines
from tests.support.bottle_cli import BottleCli, Done
from tests.support.demo_world import environment
from tests.support.requirements import require
from tests.support.secret_rules import lend
from tests.support.standin_tls import server_tls
from tests.support.token_hunt import hunt_for

HOST = "api.example.com"
PLUGIN = """\
from bottle.plugin import AgentProvider, Provision


class Shell(AgentProvider):
    def provision(self, wish):
        return Provision(argv=("sh", *wish.arguments), headless=wish.headless)
"""
BOTTLE = """\
---
agent_provider: {{template: sh}}
backend: smolmachines
supervise: true
env:
  GIVEN: ${{GIVEN_TOKEN}}
git:
  remotes:
    results: {{Upstream: local}}
egress:
  routes:
    - host: {host}
      auth: {{token_ref: ROUTE_TOKEN}}
      connect_to: 127.0.0.1:{port}
      pipelock: {{ssrf_ip_allowlist: [127.0.0.1/32]}}
---
"""


@frozen
class Host:
    """A home whose one agent, which no other test has, is a shell that does what its task says."""

    root: Path
    cli: BottleCli
    heard: list[str]
    """The Authorization headers that reached the named host."""
    token: str = field(repr=False)
    """The route's, which no box gets."""
    given: str = field(repr=False)
    """What the box's environment holds."""

    def run(self, task: str) -> Done:
        return self.cli.run("run", "sailor", task, "--json")

    def remains(self) -> list[str]:
        """What is left of machines and sidecars."""
        listed = process.run(["smolvm", "machine", "ls", "--json"], timeout=20, env=self.cli.env)
        disks = [str(path) for path in self.root.glob("machines/**/vms/*")]
        places = [str(path) for path in Path("/tmp").glob("bot-bottle-*/*/sailor-*")]
        return [*(machine["name"] for machine in json.loads(listed.stdout)), *disks, *places]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    require("smolmachines")
    root = tmp_path_factory.mktemp("whole")
    box, _ = smolmachines.images_for_tests()
    (root / "tmp").mkdir()
    route_token, given = (f"made-up-{secrets.token_urlsafe(32)}" for _ in range(2))
    heard: list[str] = []
    tls = server_tls([HOST], root)
    (root / "upstream-ca.pem").write_text(tls.root)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(heard))
    server.socket = tls.context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, text in {
        "contrib/sh/agent_provider.py": PLUGIN,
        "bottles/sh.md": BOTTLE.format(host=HOST, port=server.server_port),
        "agents/sailor.md": "---\nbottle: sh\n---\n",
    }.items():
        path = root / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lend(root / "home")
    smolmachines.lend(root / "home")
    variables = {"BOT_BOTTLE_IMAGE": box.tag, "ROUTE_TOKEN": route_token, "GIVEN_TOKEN": given}
    env = {**environment(root), **smolmachines.variables(root / "machines"), **variables}
    made = Host(root, BottleCli(env, hunt_for(route_token), root, forked=forks.PROGRAM), heard, route_token, given)
    yield made
    made.cli.run("stop", "--all")
    made.cli.run("cleanup", "--yes")
    server.shutdown()
    server.server_close()


def _handler(heard: list[str]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"three ships\n")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


TASK = f"""
curl -sS https://{HOST}/
curl -sS -m 20 https://unlisted.example.net/ 2>&1 | grep -c 403
curl -sS -m 20 http://unlisted.example.net/ | grep -c host.unlisted
curl -sS -m 5 --noproxy '*' http://192.0.2.1/ 2>&1 | grep -ci "couldn't connect"
id -u
printenv GIVEN | wc -c
exit 7
"""


INSIDE = """
printenv GIVEN
id -un
curl -s http://supervise:9100/
git init -q own && cd own && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m own
git push -q bottle HEAD:result && echo && echo pushed
"""


def test_an_agent_works_and_leaves_nothing(host: Host) -> None:
    """Through the relay in the machine and the socket that is mounted there, and by no other way."""
    done = host.run(TASK)
    assert done.status == 7, done.stderr
    told = json.loads(done.stdout)
    assert told["result"].split("\n") == ["three ships", "1", "1", "1", "1000", str(len(host.given) + 1)]
    assert host.heard == [f"Bearer {host.token}"]
    assert host.remains() == []
    assert [row["status"] for row in json.loads(host.cli.run("list", "--all", "--json").ok().stdout)] == ["ended"]


def test_a_bottle_that_is_left_running_is_found_asked_and_stopped(host: Host) -> None:
    """By other processes than the one that started it. No value is on the machine's disk, in what `smolvm` keeps, or in
    an argument list (GAP-01): neither the route's, nor the one that the box is given."""
    watched = evolve(host.cli, hunt=hunt_for(host.given))
    identity = json.loads(watched.run("start", "sailor", "--yes", "--detach", "--json").ok().stdout)["identity"]
    (row,) = json.loads(host.cli.run("list", "--json").ok().stdout)
    inside = watched.run("exec", identity, "--", "sh", "-c", INSIDE)
    kept = [path for each in (host.token, host.given) for path in hunt_for(each).in_files(host.root / "machines")]
    host.cli.run("stop", identity).ok()

    assert (row["identity"], row["status"]) == (identity, "running")
    assert inside.ok().stdout.split()[:2] == [host.given, "node"]
    assert "posted" in inside.stdout, "the server that a stuck agent asks takes nothing but posts"
    assert inside.stdout.endswith("pushed\n"), inside.stderr
    assert kept == []
    assert host.cli.exposed == []
    assert host.remains() == []

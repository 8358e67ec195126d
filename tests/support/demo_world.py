"""A throwaway world around real bottles: a home with manifests, the stand-in of the API, traps on the host, a token.

The product is told nothing of it but by what any user has: manifest keys, environment variables, the command line.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.support import forks
from tests.support.anthropic_api import API_HOST, AnthropicApi
from tests.support.anthropic_script import Script, Step
from tests.support.bottle_cli import BottleCli, Done
from tests.support.host_traps import Traps, traps
from tests.support.standin_tls import server_tls
from tests.support.token_hunt import Hunt, hunt_for
from tests.support.views import Place, Views

AGENT = "worker"
CODE_HOST = "git.example.com"
UNLISTED = "unlisted.example.net"
PLACEHOLDER = "egress-placeholder"
TOKEN_VARIABLE = "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN"
TASK = "Write the harbour report"
REPORT = "/home/node/report.txt"
CONTENT = "three ships, one lighthouse\n"
ANSWER = f"The report is in {REPORT}; {UNLISTED} was refused, as it should be."
CHECKOUT = Path(__file__).parents[2]
EXTRA_ROOTS = CHECKOUT / ".ci" / "extra-roots"
TOOLS = CHECKOUT / "build" / "tools"
"""Agent programs that bottle installed: kept from one world to the next, as images are."""
SHARED_VARIABLES = (
    *("PATH", "HOME", "LANG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "BOT_BOTTLE_BUILD_CA"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NPM_CONFIG_REGISTRY", "npm_config_registry"),
)

BOTTLE = """\
---
agent_provider:
  template: claude
  auth_token: {variable}
backend: {backend}
egress:
  routes:
    - host: {api_host}
      connect_to: {connect_to}
      pipelock:
        ssrf_ip_allowlist: [{address}/32]
    - host: {code_host}
      connect_to: {connect_to}
      pipelock:
        ssrf_ip_allowlist: [{address}/32]
---
"""
MANIFEST = """\
---
bottle: demo
---
You work alone. Say what was refused, and go on with the rest.
"""


@define
class World:
    """All that the claims are made about."""

    root: Path
    views: Views
    place: Place
    api: AnthropicApi = field(repr=False)
    traps: Traps
    cli: BottleCli = field(repr=False)
    hunt: Hunt = field(repr=False)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def inside(self, identity: str, *command: str, timeout: float = 60) -> Done:
        """Runs a command in a bottle as its agent."""
        return self.cli.run("exec", identity, "--", *command, timeout=timeout)

    def identities(self) -> list[str]:
        """Every bottle that this home knows, running or not."""
        listed: list[Mapping[str, Any]] = json.loads(self.cli.run("list", "--all", "--json").ok().stdout)
        return [row["identity"] for row in listed]

    def sweep(self) -> None:
        """Removes whatever is still there; a world that was left in order has nothing to sweep."""
        for command in (("stop", "--all"), ("cleanup", "--yes")):
            with contextlib.suppress(OSError):
                self.cli.run(*command)


@contextlib.contextmanager
def world(views: Views, root: Path, *, forked: str | None = forks.PROGRAM) -> Iterator[World]:
    """Sets one up below `root`, a directory that is there and empty; `forked` as in `BottleCli`.

    Raises OSError when no address serves.
    """
    views = views.within(environment(root))
    place = views.place()
    token = f"sk-ant-oat01-{secrets.token_urlsafe(48)}"
    tls = server_tls([API_HOST, CODE_HOST], root)
    hunt = hunt_for(token)
    api = AnthropicApi(tls, token, PLACEHOLDER, [script()], place.bind, [CODE_HOST])
    with api, traps() as set_up:
        views.require_reachable(place, api.port)
        write_home(root, views.backend, place, api.port)
        (root / "upstream-ca.pem").write_text(tls.root)
        cli = BottleCli({**environment(root), TOKEN_VARIABLE: token}, hunt, root, forked=forked)
        here = World(root, views, place, api, set_up, cli, hunt)
        try:
            yield here
        finally:
            here.sweep()


def script() -> Script:
    """The task: try a host that is not listed, write a file, read it back."""
    attempt = f"curl -sS -i -m 20 https://{UNLISTED}/; curl -sS -i -m 20 http://{UNLISTED}/"
    return Script(
        prompt=TASK,
        answer=ANSWER,
        steps=(
            Step("Bash", {"command": attempt, "description": "Look outside"}, _is_refused),
            Step("Write", {"file_path": REPORT, "content": CONTENT}, lambda text: REPORT in text),
            Step(
                "Bash",
                {"command": f"cat {REPORT}", "description": "Read it back"},
                lambda text: CONTENT.strip() in text,
            ),
        ),
    )


def environment(root: Path) -> dict[str, str]:
    """What `bottle` runs with: the caller's programs, engine and network; home and temporary files of this world."""
    shared = {name: os.environ[name] for name in SHARED_VARIABLES if name in os.environ}
    return {
        **build_roots(root),
        **shared,
        "NO_COLOR": "1",
        "TMPDIR": str(root / "tmp"),
        "BOT_BOTTLE_HOME": str(root / "home"),
        "BOT_BOTTLE_UPSTREAM_CA": str(root / "upstream-ca.pem"),
    }


def build_roots(root: Path) -> dict[str, str]:
    """The option by which image builds trust a network that inspects TLS, where this machine knows such a one."""
    extra = subprocess.run([sys.executable, EXTRA_ROOTS], capture_output=True, check=True).stdout
    if not extra.strip():
        return {}
    (root / "build-ca.pem").write_bytes(extra)
    return {"BOT_BOTTLE_BUILD_CA": str(root / "build-ca.pem")}


def write_home(root: Path, backend: str, place: Place, port: int) -> None:
    """The manifests, as a user would write them."""
    text = BOTTLE.format(
        backend=backend,
        variable=TOKEN_VARIABLE,
        api_host=API_HOST,
        code_host=CODE_HOST,
        connect_to=f"{place.connect}:{port}",
        address=place.connect,
    )
    (root / "tmp").mkdir()
    for kind, name, content in (("bottles", "demo", text), ("agents", AGENT, MANIFEST)):
        (root / "home" / kind).mkdir(parents=True)
        (root / "home" / kind / f"{name}.md").write_text(content)
    TOOLS.mkdir(parents=True, exist_ok=True)
    (root / "home" / "tools").symlink_to(TOOLS)


def _is_refused(text: str) -> bool:
    return text.count("403") >= 2 and "host.unlisted" in text

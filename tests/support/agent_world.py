"""A throwaway world for any agent program: a home with one bottle and one agent, a stand-in, and a repository.

The product is told nothing of it but by what any user has: manifest keys, environment variables, the command line.
"""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import define, field

from tests.support import on_runc
from tests.support.bottle_cli import BottleCli, Done
from tests.support.bottles import building
from tests.support.demo_world import TOOLS, environment
from tests.support.standin_server import Standin
from tests.support.standin_tls import server_tls
from tests.support.token_hunt import hunt_for
from tests.support.views import Place, Views

AGENT = """\
---
bottle: {bottle}
git:
  user: {{name: Coder, email: coder@example.com}}
---
"""
WORKSPACE = "/home/node/workspace"
CODE = "def add(left, right):\n    return left - right\n"
TEST = """\
import unittest

from calc import add


class Adding(unittest.TestCase):
    def test_two_numbers(self):
        self.assertEqual(add(2, 3), 5)
"""
MESSAGE = "Adding adds"

READ = "cat calc.py test_calc.py"
FAIL = "python3 -m unittest -v"
EDIT = "sed -i 's/left - right/left + right/' calc.py"
PASS = "python3 -m unittest -v"
COMMIT = f"git commit -qam '{MESSAGE}' && git log --format='%an <%ae> %s'"
"""The steps of a task: read a repository, see its tests fail, edit, see them pass, commit."""


@define
class AgentWorld:
    """What tests of an agent program need."""

    root: Path
    views: Views
    cli: BottleCli = field(repr=False)

    @property
    def home(self) -> Path:
        return self.root / "home"

    def start(self, agent: str, *arguments: str) -> str:
        """A bottle that is left running; its identity."""
        with building():
            started = self.cli.run("start", agent, "--yes", "--detach", "--json", *arguments, timeout=1800).ok()
        identity: str = json.loads(started.stdout)["identity"]
        return identity

    def inside(self, identity: str, *command: str, timeout: float = 60) -> Done:
        """Runs a command in a bottle as its agent."""
        return self.cli.run("exec", identity, "--", *command, timeout=timeout)

    def sweep(self) -> None:
        for command in (("stop", "--all"), ("cleanup", "--yes")):
            with contextlib.suppress(OSError):
                self.cli.run(*command)


@contextlib.contextmanager
def agent_world(
    views: Views,
    root: Path,
    standin: Callable[[Place], Standin],
    bottles: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    hunted: str,
) -> Iterator[AgentWorld]:
    """Sets one up below `root`. `bottles` are manifests by name, in which BACKEND, CONNECT_TO and ADDRESS stand for
    what this world makes of them; each has an agent of the same name. `secrets` are variables of the host; `hunted`
    must never be shown anywhere."""
    (root / "tmp").mkdir(parents=True)
    views = views.within(environment(root))
    place = views.place()
    with standin(place) as api:
        views.require_reachable(place, api.port)
        tls = api.tls or server_tls(["unused.example"], root)
        (root / "upstream-ca.pem").write_text(tls.root)
        words = {"BACKEND": views.backend, "CONNECT_TO": f"{place.connect}:{api.port}", "ADDRESS": place.connect}
        for name, text in bottles.items():
            for word, meaning in words.items():
                text = text.replace(word, meaning)
            _write(root / "home", "bottles", name, text)
            _write(root / "home", "agents", name, AGENT.format(bottle=name))
        TOOLS.mkdir(parents=True, exist_ok=True)
        (root / "home" / "tools").symlink_to(TOOLS)
        env = {**environment(root), **secrets}
        forked = on_runc.__name__
        cli = BottleCli(env, hunt_for(hunted), repository(root), program=on_runc.PROGRAM, forked=forked)
        here = AgentWorld(root, views, cli)
        try:
            yield here
        finally:
            here.sweep()


def repository(root: Path) -> Path:
    """A small repository with a fault that its tests find."""
    folder = root / "repository"
    folder.mkdir()
    (folder / "calc.py").write_text(CODE)
    (folder / "test_calc.py").write_text(TEST)
    (folder / ".gitignore").write_text("__pycache__/\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "A fault"]):
        identity = ["-c", "user.name=Owner", "-c", "user.email=o@example.com"]
        subprocess.run(["git", "-C", folder, *identity, *command], check=True)
    return folder


def _write(home: Path, kind: str, name: str, text: str) -> None:
    (home / kind).mkdir(parents=True, exist_ok=True)
    (home / kind / f"{name}.md").write_text(text)

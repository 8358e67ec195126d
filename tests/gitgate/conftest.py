"""A gate as a plain process before a real sshd: what it decides, without a box around it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from bottle.domain.dlp.settings import Scanning
from bottle.domain.gitgate import GATE, rewrites
from bottle.domain.gitgate_config import GateRemote, GateStart, gate_document
from bottle.domain.listen import Listen
from bottle.domain.manifest import PushRules, Remote
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.support import forks
from tests.support.git_client import Git, bare_repository
from tests.support.gitleaks import gitleaks
from tests.support.ports import free_port
from tests.support.requirements import require
from tests.support.sshd import Sshd, sshd

ROOT = Path(__file__).parents[2]
HOST = "git.test"
WITHHELD = "made-up-credential-4242-zz"


@define
class World:
    """An upstream, a gate before it, and an agent's clone. Every test has a repository of its own."""

    folder: Path
    server: Sshd
    rules: PushRules = field(factory=lambda: PushRules(branches=("main", "agent/**")))
    withheld: tuple[str, ...] = ()
    process: forks.Fork | None = None
    port: int = 0
    remote: Remote = field(init=False)
    extra: tuple[GateRemote, ...] = ()
    roots: str = ""
    proxy: UpstreamProxy | None = None
    patterns: str = ""
    scanning: Scanning = Scanning()
    silent: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        path = bare_repository(self.upstream, {"README": "hello\n"})
        self.remote = Remote(self.server.url(path), known_host_key=self.server.host_key, push=self.rules)

    @property
    def upstream(self) -> Path:
        return self.folder / "team" / "project.git"

    @property
    def audit(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "audit" / "git.jsonl").read_text().splitlines()]

    def start(self, **changes: Any) -> None:
        """Starts a gate; `changes` are fields of the remote."""
        self.stop()
        self.remote = evolve(self.remote, **changes)
        self.port = free_port()
        state = self.folder / f"state-{self.port}"
        state.mkdir()
        (self.folder / "audit").mkdir(exist_ok=True)
        document = GateStart(
            identity="probe-00000",
            listen=Listen("127.0.0.1", self.port),
            state=str(state),
            audit=str(self.folder / "audit"),
            gitleaks=str(gitleaks()),
            remotes=(GateRemote(HOST, self.remote, self.server.key.read_text(), self.silent), *self.extra),
            withheld=self.withheld,
            roots=self.roots,
            proxy=self.proxy,
            patterns=self.patterns,
            scanning=self.scanning,
            tied=True,
        )
        self.process = forks.fork([], env={}, cwd=Path("/"), stderr=2, module="sidecars.gitgate.main")
        self.process.stdin.write(json.dumps(gate_document(document)).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["event"] == "ready", answer

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            with self.process:
                self.process.communicate()
            self.process = None

    def git(self, name: str = "work") -> Git:
        """The agent's git, whose settings are those of a box."""
        gate = (f"http://{GATE}", f"http://127.0.0.1:{self.port}")
        spellings = [
            pair
            for entry in (GateRemote(HOST, self.remote), *self.extra)
            for pair in rewrites(entry.host, entry.remote)
        ]
        return Git.at(self.folder / name, spellings, gate)

    def clone(self, name: str = "work") -> Git:
        git = self.git(name)
        git("clone", "--quiet", self.remote.upstream, ".")
        return git

    def tip(self, ref: str = "refs/heads/main") -> str:
        return Git.at(self.upstream).attempt("rev-parse", "--verify", "--quiet", ref).said.strip()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    require("git")
    require("ssh")
    require("/usr/sbin/sshd")
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, server: Sshd) -> Iterator[World]:
    there = World(tmp_path, server)
    yield there
    there.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> Iterator[World]:
    """One gate with the usual rules for a whole module; each test pushes to a branch of its own."""
    there = World(tmp_path_factory.mktemp("shared"), server, withheld=(WITHHELD,))
    there.start()
    yield there
    there.stop()


@pytest.fixture
def gate(world: World) -> World:
    """A world whose gate runs."""
    world.start()
    return world

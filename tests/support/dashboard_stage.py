"""Bottles as an operator may have them of an afternoon: fakes of everything outside, real files of state."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import define, evolve, field

from bottle.adapters.fake.backend import FakeBackend
from bottle.adapters.fake.clock import FakeClock
from bottle.adapters.fake.credentials import FakeCredentials
from bottle.adapters.fake.editor import FakeEditor
from bottle.adapters.fake.entropy import FakeEntropy
from bottle.adapters.fake.manifests import FakeManifests
from bottle.adapters.fake.notifier import FakeNotifier
from bottle.adapters.fake.state import FakeState
from bottle.adapters.state import StateFiles
from bottle.adapters.state.snapshots import SnapshotFiles
from bottle.app.ports import World
from bottle.app.prepare import Wanted, prepare
from bottle.app.start import run_detached
from bottle.domain.supervise import EgressWish, Proposal, Question, Wish
from bottle.domain.supervise_files import proposal_document
from tests.app.conftest import Stage

NOW = datetime(2026, 11, 21, 18, 5, 30, tzinfo=UTC)
TOKENS = {"CLAUDE_TOKEN": "made-up-token-51f0"}
BOTTLE = """\
---
agent_provider: {template: claude, auth_token: CLAUDE_TOKEN}
supervise: true
egress:
  routes:
    # where the work is
    - host: docs.python.org
      methods: [GET]
    - host: registry.npmjs.org
---
"""
ROUTES = [{"host": "docs.python.org", "methods": ["GET"]}, {"host": "registry.npmjs.org"}]
MANIFEST: Mapping[str, object] = {
    "bottles": {
        "dev": {
            "agent_provider": {"template": "claude", "auth_token": "CLAUDE_TOKEN"},
            "supervise": True,
            "egress": {"routes": ROUTES},
        },
        "review": {"agent_provider": {"template": "codex"}},
        "asked": {"extends": "dev", "env": {"PIN": "?prompt"}},
    },
    "agents": {
        "coder": {"bottle": "dev", "prompt": "Be brief."},
        "reviewer": {"bottle": "review"},
        "writer": {"bottle": "dev"},
        "pinned": {"bottle": "asked"},
    },
}


@define
class Afternoon:
    """The world, and what happens in it."""

    home: Path
    clock: FakeClock = field(factory=lambda: FakeClock(NOW))
    docker: FakeBackend = field(factory=FakeBackend)
    bubblewrap: FakeBackend = field(factory=lambda: FakeBackend(name="bubblewrap"))
    notifier: FakeNotifier = field(factory=FakeNotifier)
    editor: FakeEditor = field(factory=FakeEditor)
    suffixes: Sequence[str] = ()
    world: World = field(init=False)

    def __attrs_post_init__(self) -> None:
        state = StateFiles(self.home / "state")
        bottles = self.home / "bottles"
        bottles.mkdir(parents=True)
        (bottles / "dev.md").write_text(BOTTLE)
        self.world = evolve(
            Stage(FakeState(self.home), home=self.home).world,
            manifests=FakeManifests(MANIFEST),
            backends={"docker": self.docker, "bubblewrap": self.bubblewrap},
            state=state,
            credentials=FakeCredentials(TOKENS),
            clock=self.clock,
            entropy=FakeEntropy(*self.suffixes),
            snapshots=SnapshotFiles(self.home / "state"),
            notifier=self.notifier,
            editor=self.editor,
        )

    def begins(self, agent: str, *, label: str = "", color: str = "", backend: str = "docker", ago: float = 0) -> str:
        """A bottle that has been running for so many minutes."""
        clock = FakeClock(self.clock.now() - timedelta(minutes=ago))
        world = evolve(self.world, clock=clock)
        return run_detached(world, prepare(world, Wanted(agent, backend, label, color))).identity

    def asks(self, identity: str, number: str, wish: Wish, why: str, *, ago: float = 1) -> None:
        asked_at = (self.clock.now() - timedelta(minutes=ago)).timestamp()
        path = self.home / "state" / identity / "supervise" / "asked" / f"{number}.json"
        path.write_text(json.dumps(proposal_document(Proposal(number, identity, asked_at, why, wish))))

    def goes_out(
        self,
        identity: str,
        method: str,
        host: str,
        path: str,
        *,
        ago: float,
        refused: str = "",
        reason: str = "no route names this host",
        status: int = 200,
    ) -> None:
        """A request, so many seconds ago; `refused` is the rule that refused it."""
        moment = (self.clock.now() - timedelta(seconds=ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {
            "time": moment,
            "identity": identity,
            "id": f"c-{ago}",
            "kind": "http",
            "method": method,
            "host": host,
            "port": 443,
            "path": path,
            "allowed": not refused,
            "rule": refused or "route",
            "reason": reason if refused else "the route names it",
            "status": 403 if refused else status,
            "bytes_out": 310,
            "bytes_in": 4096,
        }
        with (self.world.state.audit_directory(identity) / "audit.jsonl").open("a") as trail:
            trail.write(json.dumps(line) + "\n")


def busy(home: Path) -> Afternoon:
    """Four bottles at work, two of which ask."""
    stage = Afternoon(home, suffixes=("x7k2p", "m3n8q", "w4t9z", "h5d6r", "c8v2b", "g7j3f"))
    payments = stage.begins("coder", label="payments refactor", color="bright-cyan", ago=72)
    release = stage.begins("writer", label="release notes", color="yellow", backend="bubblewrap", ago=31)
    review = stage.begins("reviewer", color="magenta", ago=12)
    stage.begins("coder", label="flaky test hunt", color="green", backend="bubblewrap", ago=3)
    _traffic(stage, payments, release, review)
    stage.asks(
        payments,
        "k3f9q2wm",
        EgressWish("pypi.org", "/simple", ("GET",)),
        "The lock file names versions that are not in the mirror.\nI need the index of one package to go on.",
        ago=4,
    )
    stage.asks(release, "b7x4t9ra", Question(("1.4.0", "2.0.0")), "Which number shall the release have?", ago=1)
    return stage


def _traffic(stage: Afternoon, payments: str, release: str, review: str) -> None:
    for index, count in enumerate((2, 4, 3, 7, 9, 5, 2, 1, 3, 6, 8, 4, 2)):
        for each in range(count):
            stage.goes_out(payments, "POST", "api.anthropic.com", "/v1/messages", ago=250 - index * 20 + each / 10)
    for index, count in enumerate((1, 1, 3, 2, 0, 4, 6, 2)):
        for each in range(count):
            stage.goes_out(release, "GET", "registry.npmjs.org", "/left-pad", ago=160 - index * 10 + each / 10)
    stage.goes_out(review, "POST", "api.openai.com", "/v1/responses", ago=44)
    stage.goes_out(review, "GET", "telemetry.example.net", "/collect", ago=38, refused="host.unlisted")
    stage.goes_out(payments, "GET", "docs.python.org", "/3/library/asyncio.html", ago=21)
    stage.goes_out(payments, "GET", "pypi.org", "/simple/httpx/", ago=9, refused="host.unlisted")
    stage.goes_out(release, "GET", "registry.npmjs.org", "/semver", ago=4, status=304)

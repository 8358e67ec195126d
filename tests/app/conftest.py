"""A world of fakes: one agent, whose bottle has a credential, a value of the host, and one that is asked for."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import define, evolve, field

from bottle.adapters.fake.backend import FakeBackend
from bottle.adapters.fake.certificates import FakeAuthority
from bottle.adapters.fake.clock import FakeClock
from bottle.adapters.fake.credentials import FakeCredentials
from bottle.adapters.fake.deploy_keys import FakeDeployKeys
from bottle.adapters.fake.editor import FakeEditor
from bottle.adapters.fake.entropy import FakeEntropy
from bottle.adapters.fake.git_keys import FakeGitKeys
from bottle.adapters.fake.interruptions import FakeInterruptions
from bottle.adapters.fake.manifests import FakeManifests
from bottle.adapters.fake.notifier import FakeNotifier
from bottle.adapters.fake.operator import FakeOperator
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.fake.seeds import FakeSeeds
from bottle.adapters.fake.state import FakeState
from bottle.adapters.fake.workspaces import FakeWorkspaces
from bottle.adapters.manifests.editing import HomeManifestFiles
from bottle.adapters.providers.registry import AllProviders
from bottle.adapters.state.snapshots import SnapshotFiles
from bottle.adapters.state.supervise import SuperviseFiles
from bottle.app.ports import Backend, StateStore, World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.domain.backends import BackendName

TOKEN, BASE, CODE = "made-up-token-51f0", "https://staging.example", "made-up-code-77"
MANIFEST: Mapping[str, object] = {
    "bottles": {
        "claude": {
            "agent_provider": {"template": "claude", "auth_token": "TOKEN"},
            "env": {"BASE": "${BASE}", "CODE": "?prompt", "LEVEL": "debug"},
        },
        "elsewhere": {"extends": "claude", "backend": "bubblewrap"},
    },
    "agents": {"coder": {"bottle": "claude", "prompt": "Be brief."}, "other": {"bottle": "elsewhere"}},
}


@define
class Stage:
    """The fakes by name, and the world that they make up."""

    state: FakeState
    backend: FakeBackend = field(factory=FakeBackend)
    credentials: FakeCredentials = field(factory=lambda: FakeCredentials({"TOKEN": TOKEN, "BASE": BASE}))
    operator: FakeOperator = field(factory=lambda: FakeOperator(secrets={"CODE": CODE}))
    interruptions: FakeInterruptions = field(factory=FakeInterruptions)
    clock: FakeClock = field(factory=FakeClock)
    home: Path = Path("/nonexistent")
    notifier: FakeNotifier = field(factory=FakeNotifier)
    editor: FakeEditor = field(factory=FakeEditor)

    @property
    def world(self) -> World:
        return World(
            manifests=FakeManifests(MANIFEST),
            providers=AllProviders(),
            backends={"docker": self.backend},
            state=self.state,
            credentials=self.credentials,
            authority=FakeAuthority(),
            operator=self.operator,
            interruptions=self.interruptions,
            clock=self.clock,
            entropy=FakeEntropy(),
            progress=FakeProgress(),
            snapshots=SnapshotFiles(self.home),
            supervise=SuperviseFiles(self.home / "state"),
            home_manifests=HomeManifestFiles(self.home),
            notifier=self.notifier,
            editor=self.editor,
            account="sam",
            git_keys=FakeGitKeys(),
            deploy_keys=FakeDeployKeys(),
            seeds=FakeSeeds(),
            workspaces=FakeWorkspaces(),
        )

    def with_faults(self, *, backend: Backend | None = None, state: StateStore | None = None) -> World:
        """The world with a faulty part in place of a fake."""
        world = self.world
        backends: Mapping[BackendName, Backend] = {"docker": backend or self.backend}
        return evolve(world, backends=backends, state=state or world.state)

    def prepared(self, world: World | None = None) -> Prepared:
        return prepare(world or self.world, Wanted("coder"))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(FakeState(tmp_path), home=tmp_path)

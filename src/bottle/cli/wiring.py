"""Composes the ports: the only file that knows every adapter.

A person waits for `bottle list`, so what it does not need (cryptography, a YAML parser) is imported when it is used:
ports that few commands ask anything are made `later`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bottle.adapters.clock import SystemClock
from bottle.adapters.credentials import HostCredentials
from bottle.adapters.entropy import SystemEntropy
from bottle.adapters.interruptions import SignalInterruptions
from bottle.adapters.manifests.store import ManifestFiles
from bottle.adapters.operator import TerminalOperator
from bottle.adapters.providers.codex_login import CODEX_LOGIN, CodexLogin
from bottle.adapters.providers.registry import AllProviders
from bottle.adapters.roots import read_build_roots, read_roots
from bottle.adapters.state import StateFiles
from bottle.app.ports import Backend, World
from bottle.cli.environment import read_environment, repository_of, working_directory
from bottle.cli.later import later
from bottle.cli.progress import TalkingProgress
from bottle.domain.backends import BackendName

if TYPE_CHECKING:
    from bottle.adapters.docker.backend import DockerBackend
    from bottle.adapters.git_results import BundleFiles
    from bottle.adapters.starter import StarterFiles
    from bottle.adapters.workshop import GitWorkshop
    from bottle.app.ports import (
        CertificateAuthority,
        DeployKeys,
        Editor,
        GitKeys,
        HomeManifests,
        Notifier,
        Seeds,
        Snapshots,
        SuperviseStore,
        Workspaces,
    )
    from bottle.cli.environment import Environment
    from bottle.domain.dlp.finding import Finding
    from bottle.domain.dlp.settings import KnownRule
    from bottle.domain.scanned_body import Inquiry


def wire() -> World:
    """The world of one command, from this process's environment. Raises UsageError."""
    return compose(read_environment(), working_directory())


def wire_starter() -> StarterFiles:
    """What writes first manifests."""
    from bottle.adapters.starter import StarterFiles

    environment = read_environment()
    return StarterFiles(environment.home, environment.variables, Path.home())


def next_steps(programs: Iterable[str]) -> list[str]:
    """What is left to do before the first start."""
    from bottle.adapters.starter import NEXT

    return [NEXT[program] for program in programs]


def wire_gvisor() -> str:
    """The day of this host's release of gVisor; empty where there is none."""
    from bottle.adapters.gvisor import gvisor_release

    return gvisor_release(read_environment().variables)


def wire_results() -> BundleFiles:
    """What takes a bottle's work into a repository."""
    from bottle.adapters.git_results import BundleFiles

    return BundleFiles(read_environment().variables)


def wire_workshop() -> GitWorkshop:
    """What compares a bottle's work with how it began."""
    from bottle.adapters.workshop import GitWorkshop

    return GitWorkshop(read_environment().variables)


def compose(environment: Environment, directory: Path) -> World:
    """The world as it is seen from a directory."""
    state, repository = environment.home / "state", repository_of(directory, environment.home)
    roots = partial(read_roots, environment.upstream_ca, "BOT_BOTTLE_UPSTREAM_CA")
    codex_login = CodexLogin(environment.codex_home / "auth.json", SystemClock().now)
    return World(
        manifests=ManifestFiles(environment.home, repository),
        providers=AllProviders(environment.home / "contrib"),
        backends=_Backends(
            {
                "docker": partial(_docker, environment),
                "bubblewrap": partial(_bubblewrap, environment),
                "smolmachines": partial(_smolmachines, environment),
            }
        ),
        state=StateFiles(state),
        credentials=HostCredentials(environment.variables, {CODEX_LOGIN: codex_login.token}),
        authority=later(_authority),
        operator=TerminalOperator(),
        interruptions=SignalInterruptions(),
        clock=SystemClock(),
        entropy=SystemEntropy(),
        progress=TalkingProgress(),
        snapshots=later(partial(_snapshots, state)),
        supervise=later(partial(_supervise, state)),
        home_manifests=later(partial(_home_manifests, environment.home)),
        notifier=later(partial(_notifier, environment)),
        editor=later(partial(_editor, environment, state)),
        account=environment.account,
        git_keys=later(_git_keys),
        deploy_keys=later(partial(_deploy_keys, environment, roots)),
        seeds=later(partial(_seeds, environment)),
        workspaces=later(partial(_workspaces, environment)),
        chosen_backend=environment.backend,
        upstream_roots=roots,
        upstream_proxy=environment.upstream_proxy,
        is_in_tree=partial(_is_in_tree, repository or directory, environment.home, Path.home()),
        logins={"codex": codex_login},
        known_rules=_known_rules,
        look_into=partial(_look_into, environment.home / "tools" / "secret-rules"),
        skills_root=str(_skills()),
        has_skill=lambda name: (_skills() / name).is_dir(),
    )


def _is_in_tree(tree: Path, home: Path, user: Path, path: str) -> bool:
    """Wherever links lead. The home of bottles is the operator's own, also where it lies in a repository of theirs; a
    directory that holds the user's whole home is no working tree."""
    real, tree = Path(path).expanduser().resolve(), tree.resolve()
    own = real.is_relative_to(home.resolve()) or user.resolve().is_relative_to(tree)
    return real.is_relative_to(tree) and not own


class _Backends(Mapping[BackendName, Backend]):
    """In order of preference, each with its libraries composed when it is first asked for."""

    def __init__(self, makers: Mapping[BackendName, Callable[[], Backend]]) -> None:
        self._makers = makers
        self._made: dict[BackendName, Backend] = {}

    def __getitem__(self, name: BackendName) -> Backend:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[BackendName]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _authority() -> CertificateAuthority:
    from bottle.adapters.certificates import LocalAuthority

    return LocalAuthority()


def _snapshots(state: Path) -> Snapshots:
    from bottle.adapters.state.snapshots import SnapshotFiles

    return SnapshotFiles(state)


def _supervise(state: Path) -> SuperviseStore:
    from bottle.adapters.state.supervise import SuperviseFiles

    return SuperviseFiles(state)


def _home_manifests(home: Path) -> HomeManifests:
    from bottle.adapters.manifests.editing import HomeManifestFiles

    return HomeManifestFiles(home)


def _notifier(environment: Environment) -> Notifier:
    from bottle.adapters.notify import OperatorNotifier

    return OperatorNotifier(environment.variables)


def _editor(environment: Environment, state: Path) -> Editor:
    from bottle.adapters.editor import TerminalEditor

    return TerminalEditor(environment.variables, state)


def _git_keys() -> GitKeys:
    from bottle.adapters.git_keys import KeyFiles

    return KeyFiles()


def _deploy_keys(environment: Environment, roots: Callable[[], str]) -> DeployKeys:
    from bottle.adapters.deploy_keys.files import DeployKeyFiles

    return DeployKeyFiles(environment.home / "state", roots, environment.upstream_proxy)


def _seeds(environment: Environment) -> Seeds:
    from bottle.adapters.git_seeds import HostSeeds

    return HostSeeds(environment.variables)


def _workspaces(environment: Environment) -> Workspaces:
    from bottle.adapters.workspace import HostWorkspaces

    return HostWorkspaces(environment.variables)


def _known_rules() -> Sequence[KnownRule]:
    from bottle.adapters.scanner_rules import known_rules

    return known_rules()


def _look_into(rules: Path, inquiry: Inquiry, body: bytes) -> Finding | None:
    from bottle.adapters.body_scanner import BodyScanner

    return BodyScanner(rules, TalkingProgress()).look(inquiry, body)


def _bubblewrap(environment: Environment) -> Backend:
    from bottle.adapters.bubblewrap.backend import BubblewrapBackend
    from bottle.adapters.bubblewrap.programs import programs_of

    programs = programs_of(
        environment.variables,
        Path.home(),
        environment.home,
        image=environment.image,
        build_ca=_build_ca(environment),
    )
    return BubblewrapBackend(
        owner=environment.owner,
        environ=environment.variables,
        programs=programs,
        terminal_env=environment.of_terminals,
    )


def _smolmachines(environment: Environment) -> Backend:
    from bottle.adapters.bubblewrap.secret_rules import SecretRules
    from bottle.adapters.smolmachines.archives import Archives
    from bottle.adapters.smolmachines.backend import SmolmachinesBackend

    return SmolmachinesBackend(
        owner=environment.owner,
        environ=environment.variables,
        archives=Archives(environment.home / "cache" / "machines", cache(partial(_docker, environment))),
        rules=SecretRules(environment.home / "tools" / "secret-rules"),
        terminal_env=environment.of_terminals,
    )


def _build_ca(environment: Environment) -> Callable[[], bytes]:
    """Reads the file when something is built: where it cannot be read, a bottle can still be stopped."""
    return partial(read_build_roots, environment.build_ca, "BOT_BOTTLE_BUILD_CA")


def _skills() -> Path:
    return Path.home() / ".claude" / "skills"


def _docker(environment: Environment) -> DockerBackend:
    from bottle.adapters.docker.backend import DockerBackend

    return DockerBackend(
        owner=environment.owner,
        environ=environment.variables,
        home=Path.home(),
        cache=environment.home / "cache",
        image=environment.image,
        build_ca=_build_ca(environment),
        terminal_env=environment.of_terminals,
    )

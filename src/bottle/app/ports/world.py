"""All of it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from bottle.app.ports.backends import Backend
    from bottle.app.ports.people import Interruptions, Operator, Progress
    from bottle.app.ports.secrets import CertificateAuthority, Credentials, DeployKeys, GitKeys, Login
    from bottle.app.ports.sources import Manifests, Providers, Seeds, Workspaces
    from bottle.app.ports.state import Snapshots, StateStore
    from bottle.app.ports.supervise import Editor, HomeManifests, Notifier, SuperviseStore
    from bottle.domain.backends import BackendName
    from bottle.domain.dlp.finding import Finding
    from bottle.domain.dlp.settings import KnownRule
    from bottle.domain.scanned_body import Inquiry
    from bottle.domain.upstream_proxy import UpstreamProxy


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The time of day, in UTC. It may jump: people and time servers set it."""

    def passed(self) -> float:
        """Seconds since some moment, by a clock that nobody sets: for how long something took."""


class Entropy(Protocol):
    """Randomness."""

    def suffix(self) -> str:
        """names.SUFFIX_LENGTH characters of names.SUFFIX_ALPHABET, unpredictable."""


@frozen
class World:
    """All ports together, as wiring composes them. `backends` in order of preference."""

    manifests: Manifests
    providers: Providers
    backends: Mapping[BackendName, Backend]
    state: StateStore
    credentials: Credentials
    authority: CertificateAuthority
    operator: Operator
    interruptions: Interruptions
    clock: Clock
    entropy: Entropy
    progress: Progress
    git_keys: GitKeys
    deploy_keys: DeployKeys
    seeds: Seeds
    workspaces: Workspaces
    snapshots: Snapshots
    supervise: SuperviseStore
    home_manifests: HomeManifests
    notifier: Notifier
    editor: Editor
    chosen_backend: str | None = None
    """The backend that the environment names (`BOT_BOTTLE_BACKEND`)."""
    upstream_roots: Callable[[], str] = str
    """Reads further roots (PEM) that sidecars trust upstream (`BOT_BOTTLE_UPSTREAM_CA`). May raise BottleError."""
    upstream_proxy: Callable[[], UpstreamProxy | None] = lambda: None
    """The proxy that sidecars reach all else through (`BOT_BOTTLE_UPSTREAM_PROXY`). May raise BottleError."""
    logins: Mapping[str, Login] = field(factory=dict)
    """The logins that can be forwarded, by the provider's template."""
    account: str = ""
    """The operator's name on this host, for the trail."""
    is_in_tree: Callable[[str], bool] = lambda _: False
    """Whether a path leads into the working tree that the command was given in: what is there may be others' work."""
    known_rules: Callable[[], Sequence[KnownRule]] = tuple
    """Reads the rules for secrets that bottle brings along. May raise ProvisionError."""
    look_into: Callable[[Inquiry, bytes], Finding | None] = lambda _inquiry, _body: None
    """Asks the scanner about a body. May raise ProvisionError."""
    skills_root: str = ""
    """Where the host keeps the agents' skills (`~/.claude/skills`)."""
    has_skill: Callable[[str], bool] = lambda _: True
    """Whether there is a directory of this name in it."""

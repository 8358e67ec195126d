"""What the application needs of the world, as Protocols; each docstring is the promise that adapter and fake both keep.

The contract suites (tests/contract) run the same cases on both. Every failure that a person can mend is a BottleError.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from attrs import field, frozen

from bottle.app.deploy_keys import DeployKeys
from bottle.app.seeds import Seeds
from bottle.app.snapshot_ports import Snapshots
from bottle.app.supervise_ports import Editor, HomeManifests, Notifier, Rooms, SuperviseStore
from bottle.domain.dlp.finding import Finding
from bottle.domain.dlp.settings import KnownRule
from bottle.domain.egress import Policy
from bottle.domain.errors import BottleError
from bottle.domain.hosts import Authority
from bottle.domain.manifest import BackendName, Manifest, Remote
from bottle.domain.plan import BottlePlan, Image, Wall
from bottle.domain.provider import HostLogin, Provider
from bottle.domain.provision import HostTree
from bottle.domain.scanned_body import Inquiry
from bottle.domain.state import Event, Leftover, Metadata
from bottle.domain.upstream_proxy import UpstreamProxy
from bottle.domain.workspace import Workspace


class Progress(Protocol):
    """Where the talk of a long step goes. Never sees a secret."""

    def step(self, text: str) -> None:
        """A new step begins, in a few words."""

    def detail(self, text: str) -> None:
        """One line of what the step is doing; may be thrown away."""


class Manifests(Protocol):
    """Bottles and agents on this host."""

    def agent_names(self) -> Sequence[str]:
        """The names that can be started, sorted; reads file names alone."""

    def load(self, agent: str) -> Manifest:
        """The agent with its bottle and all that it extends. Raises NotFoundError, ManifestError."""

    def load_all(self) -> Manifest:
        """Everything. Raises ManifestError when any file is broken."""

    def warnings(self) -> Sequence[str]:
        """What the last load passed over, one line each."""


@frozen
class BottleCertificates:
    """One bottle's own authority. `authority` is the certificate (PEM) that the box trusts, `fingerprint` its SHA-256
    (of the DER, hexadecimal); `leaves` are chain and private key (PEM) by host pattern. `key` is the authority's own
    (PEM) where it was asked for; else that is gone once this exists."""

    authority: str
    fingerprint: str
    leaves: Mapping[str, str] = field(repr=False)
    key: str = field(default="", repr=False)


class CertificateAuthority(Protocol):
    """Makes a new authority for one bottle."""

    def issue(
        self, identity: str, hosts: Iterable[str], now: datetime, *, extensible: bool = False
    ) -> BottleCertificates:
        """Certificates for the host patterns, valid from a day before `now` (clocks differ) for a year.

        `extensible`: the key is returned too, and more hosts can be had from it. Without, the authority can speak for
        these hosts and no others.
        """

    def extend(self, authority: str, key: str, hosts: Iterable[str]) -> Mapping[str, str]:
        """Further leaves (chain and private key, PEM) by host pattern, of an authority that was issued as extensible;
        valid as long as it is."""


class Credentials(Protocol):
    """The host's secrets, by the name of the variable that holds them."""

    def available(self, names: Iterable[str]) -> frozenset[str]:
        """Which of the names are set to something; no value is looked at further."""

    def value(self, name: str) -> str:
        """The value for a header. Raises SecretMissingError, naming the variable, when it is unset, empty, or holds
        what no header can carry."""

    def variable(self, name: str) -> str:
        """The value for the agent's environment, as it is. Raises SecretMissingError when it is unset or empty."""


class GitKeys(Protocol):
    """The private keys that git remotes over SSH name."""

    def fault(self, host: str, remote: Remote) -> BottleError | None:
        """What `key` would raise; None where it would not."""

    def key(self, host: str, remote: Remote) -> str:
        """The key, in its armour; empty for an upstream that needs none or is given one of its own.

        Raises ManifestError where the manifest names too little, SecretMissingError for a file that is missing,
        unreadable, open to others, no key, or encrypted.
        """


class Login(Protocol):
    """An agent program's own login on this host."""

    def look(self) -> HostLogin:
        """Who is logged in, by reading alone. Raises SecretMissingError, with the command that logs in, when nobody is
        or the token ends too soon to be of use."""


class Workspaces(Protocol):
    """The operator's working trees."""

    def survey(self, directory: str, include: Sequence[str] = ()) -> Workspace:
        """What of the directory goes into a box, by reading alone: what git tracks or would add, with `.git`; without
        a repository all of it; no files that usually hold secrets. `include` has patterns of what is left out and goes
        in nevertheless. Raises UsageError."""

    def beginning(self, tree: HostTree) -> Iterator[bytes]:
        """A tar of a surveyed tree as it is now, without its repositories, relative to the agent's home. Raises
        ProvisionError for what cannot be read."""


class Operator(Protocol):
    """The person at the terminal."""

    def confirm(self, question: str) -> bool:
        """Whether the answer is yes. Without a terminal: raises UsageError that says how to answer beforehand."""

    def ask_line(self, question: str) -> str | None:
        """The line that was typed, which may be empty; None without a terminal and where the terminal ended."""

    def ask_secret(self, name: str) -> str:
        """A value typed without echo, never empty. Without a terminal: raises SecretMissingError."""


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The time of day, in UTC."""


class Entropy(Protocol):
    """Randomness."""

    def suffix(self) -> str:
        """names.SUFFIX_LENGTH characters of names.SUFFIX_ALPHABET, unpredictable."""


Stopping: TypeAlias = Callable[[], bool]
"""Whether what is under way is asked to end. Cheap; may be called from any thread."""


class Interruptions(Protocol):
    """Ctrl-C, SIGTERM and a closed terminal. Only the first of them ever raises, a KeyboardInterrupt with the
    signal's number, so that what runs because of it is not interrupted in turn."""

    def shielded(self) -> AbstractContextManager[Stopping]:
        """Inside, no signal raises; one that arrives raises at the end of the block. The value tells whether it did."""


class TrailEnd(Protocol):
    """The end of a trail, as it grows."""

    def added(self) -> Sequence[str]:
        """The lines since the last call, in order, at the first call the trail's last ones; never waits. Raises
        BottleError."""

    def close(self) -> None:
        """Nobody reads on. May be repeated."""


class StateStore(Protocol):
    """What is kept of each identity, under `~/.bot-bottle/state/<identity>/` (0700, files 0600)."""

    def claim(self, metadata: Metadata) -> None:
        """Takes the identity for good: exactly one of two racing claims succeeds, the other raises ConflictError."""

    def update(self, metadata: Metadata) -> None:
        """Replaces the metadata, whole or not at all. Raises NotFoundError when nobody claimed the identity."""

    def read(self, identity: str) -> Metadata:
        """Raises NotFoundError; ConflictError when what is there is damaged, for damage is never taken as absence."""

    def identities(self) -> Sequence[str]:
        """Every claimed identity, sorted, readable or damaged."""

    def audit_directory(self, identity: str) -> Path:
        """The directory that the sidecar writes its trail into, made when absent."""

    def audit_lines(self, identity: str, *, follow: bool = False) -> Iterable[str]:
        """The trail's lines in order, without line ends; `follow` goes on until the caller stops or the state goes."""

    def audit_end(self, identity: str) -> TrailEnd:
        """The trail from its last lines on, for somebody who looks again and again. Raises NotFoundError."""

    def hold(self, identity: str) -> AbstractContextManager[None]:
        """Marks the identity as tended by this process until the block or the process ends, however it ends (a lock of
        the kernel's). Raises ConflictError when another process tends it."""

    def held(self, identity: str) -> bool:
        """Whether some living process tends the identity."""

    def record(self, event: Event) -> None:
        """Appends a lifecycle line to the trail."""

    def keep_log(self, identity: str, name: str, content: bytes) -> None:
        """Keeps a sidecar's log with the state, replacing one of the same name."""

    def log(self, identity: str) -> bytes:
        """The kept logs, concatenated; empty when none was kept."""

    def size(self, identity: str) -> int:
        """Bytes that are kept of it, as far as they can be counted."""

    def release(self, identity: str) -> None:
        """Removes all that is kept. Nothing happens when nothing is."""


@frozen
class Survey:
    """What a backend found on this host, by reading alone; `reason` and `hint` say why it is not usable.

    `shares_loopback`: the sidecar reaches what listens on this host's loopback.
    """

    usable: bool
    walls: tuple[Wall, ...] = ()
    proxy: Authority = Authority("egress", 8888)
    reason: str = ""
    hint: str | None = None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(factory=dict)
    shares_loopback: bool = False
    git_reason: str = ""
    """Why no git remote can be served here, though the rest can; empty where they can. `git_hint` says what helps."""
    git_hint: str | None = None


@frozen
class Cargo:
    """What goes to a bottle at launch and must not be in its plan: values. Nothing of it is ever printed."""

    certificates: BottleCertificates
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    env: Mapping[str, str] = field(factory=dict, repr=False)
    given: Mapping[str, str] = field(factory=dict, repr=False)
    """The values in the environment that must not leave the box, by the name of the variable that they came from."""
    upstream_roots: str = field(default="", repr=False)
    """Further roots (PEM) that the sidecar trusts upstream, beside the usual ones."""
    upstream_proxy: UpstreamProxy | None = None
    """Who dials for the sidecar, with the credential for it."""
    git_secrets: Mapping[str, str] = field(factory=dict, repr=False)
    """For the git gate alone: the private key or the token of each remote, by its host."""
    rooms: Rooms | None = None
    """Where a supervised bottle's questions and answers lie."""


@frozen
class ExecResult:
    """How a command inside a box ended; outputs in full."""

    status: int
    stdout: bytes
    stderr: bytes


@frozen
class Running:
    """A bottle that a backend holds, as far as the backend can tell."""

    identity: str
    alive: bool
    services: tuple[str, ...]


Heard: TypeAlias = Callable[[int, bytes], None]
"""Takes a piece of what a command says, and whether on its standard output (1) or its standard error (2)."""


class Bottle(Protocol):
    """A running bottle."""

    @property
    def identity(self) -> str: ...

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = "node",
        stdin: bytes = b"",
        timeout: float = 60,
        heard: Heard | None = None,
    ) -> ExecResult:
        """Runs a command to its end without a terminal. What it says goes to `heard` as it comes, where that is given,
        and then is not in the result; what `heard` raises ends it. Raises BackendError when the box is gone,
        TimeIsUpError."""

    def attach(self, argv: Sequence[str]) -> int:
        """Runs a command as the agent with this process's standard streams, as a terminal where stdin is one (size,
        signals and raw keys pass), and returns its exit status. Raises BackendError when the box goes away."""

    def reload(self, policy: Policy, leaves: Mapping[str, str] | None = None) -> None:
        """Gives the sidecar a new policy; returns once it judges by it. Raises BackendError; the old policy stays.

        `leaves` are certificate and key (PEM) by host pattern, for hosts that it has none for yet.
        """

    def leave(self) -> None:
        """From now on the bottle lives on without the process that launched it. Until then it ends with that process,
        where the backend can tell. May be repeated. Raises BackendError."""

    def sidecar_log(self) -> bytes:
        """What the sidecar said so far."""


class Backend(Protocol):
    """A kind of box. All that `launch` makes carries the identity and the owner, and `destroy` removes exactly that."""

    @property
    def name(self) -> BackendName: ...

    def survey(self) -> Survey:
        """Whether this backend can work here, and its walls. Fast, touches nothing, never raises BottleError."""

    def images(self, provider: Provider, dockerfile: str | None) -> tuple[Image, Image]:
        """The images for the agent's box and for the sidecar, by the digest of their build context; builds nothing.

        `dockerfile` is the manifest's own for the agent's box (its directory is the context); raises ManifestError
        when it cannot be read.
        """

    def missing(self, images: Iterable[Image]) -> Sequence[Image]:
        """Those that are not there yet, in order. Raises BackendError."""

    def build(self, image: Image, progress: Progress) -> None:
        """Makes the image. Raises ProvisionError, and leaves no half-made thing behind."""

    def launch(
        self, plan: BottlePlan, cargo: Cargo, audit_directory: Path, progress: Progress, stopping: Stopping
    ) -> Bottle:
        """Sidecar and box together, furnished, walls proved from inside. Raises BackendError, WallsError,
        ProvisionError, ConflictError; whatever ends it early leaves nothing. Soon after `stopping` says so it raises
        BackendError; no signal may raise in it, for threads that are half started would go on."""

    def open(self, identity: str) -> Bottle:
        """A running bottle of this owner. Raises NotFoundError."""

    def running(self) -> Sequence[Running]:
        """The bottles of this owner that have a box or a sidecar, sorted by identity."""

    def leftovers(self) -> Sequence[Leftover]:
        """Every single thing of this owner that exists in the backend, running bottles included."""

    def unused(self, used: Collection[str]) -> Sequence[str]:
        """The tags of the images that were built here for this owner's bottles, but for those in use, sorted. Raises
        BackendError."""

    def discard(self, tag: str) -> None:
        """Removes an image that `unused` may name. Raises NotFoundError for any other, BackendError while a container
        needs it."""

    def destroy(self, identity: str) -> None:
        """Removes all that carries this identity and this owner; nothing else; may be repeated. Raises BackendError
        when something would not go, after having tried everything."""


class Providers(Protocol):
    """The agent programs that bottle knows."""

    def get(self, template: str) -> Provider:
        """Raises NotFoundError `unknown agent provider template: ...` with the nearest name as hint."""


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

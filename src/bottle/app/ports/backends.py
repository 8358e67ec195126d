"""The kinds of box, and a bottle that runs in one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import field, frozen

from bottle.domain.hosts import Authority

if TYPE_CHECKING:
    from bottle.app.ports.people import Progress, Stopping
    from bottle.app.ports.secrets import BottleCertificates
    from bottle.app.ports.supervise import Rooms
    from bottle.domain.backends import BackendName
    from bottle.domain.egress import Policy
    from bottle.domain.errors import BackendError
    from bottle.domain.plan import BottlePlan, Image, Wall
    from bottle.domain.provider import Provider
    from bottle.domain.state import Leftover
    from bottle.domain.upstream_proxy import UpstreamProxy


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

    def end_agent(self) -> None:
        """Ends all that runs in the box as its agent, and leaves the box: first it is told (SIGTERM), and what has not
        ended within two seconds is killed. A box that holds as many processes as it may is emptied as well. Raises
        BackendError when the box is gone, or when something in it would not end."""

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

    def git_fault(self) -> BackendError | None:
        """Why a backend that can work here serves no git remote all the same, with the remedy; None where it does.
        Asked for bottles that have some, since looking takes its time."""

    def images(self, provider: Provider, dockerfile: str | None) -> tuple[Image, Image]:
        """The images for the agent's box and for the sidecar, by the digest of their build context; builds nothing.

        `dockerfile` is the manifest's own for the agent's box (its directory is the context); raises ManifestError
        when it cannot be read.
        """

    def extended(self, image: Image, additions: Sequence[str]) -> Image:
        """An image of `images` with instructions of a Dockerfile on top (domain/fragments.py), a line each; builds
        nothing. Raises UsageError where this backend builds no images."""

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

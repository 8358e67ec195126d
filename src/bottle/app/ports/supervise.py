"""What answers to stuck agents need of the world, as Protocols; each docstring is the promise."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from bottle.domain.egress import Route
    from bottle.domain.supervise import Asked, Decision, Grants


@frozen
class Rooms:
    """Two directories of the host's for the server that a stuck agent asks: `asked` is its to write into, `told` the
    host's, which it reads."""

    asked: Path
    told: Path


class SuperviseStore(Protocol):
    """What stuck agents asked for and what they were told, with the state of their bottle; gone when that is released.

    What lies in `asked` was written beside untrusted traffic: what is no proposal of that bottle's is passed over.
    """

    def open(self, identity: str, grants: Grants, authority: str, key: str) -> Rooms:
        """Makes the rooms of a bottle that is about to start, and keeps what later answers need: its grants, and its
        authority with the key (PEM), for the owner's eyes alone."""

    def close(self, identity: str) -> None:
        """The bottle has ended: removes the authority's key. Nothing happens where there is none."""

    def deciding(self, identity: str) -> AbstractContextManager[None]:
        """One operator at a time: waits for another one. Raises NotFoundError."""

    def asked(self, identity: str) -> Sequence[Asked]:
        """All proposals with their answers, oldest first; none for a bottle that is not supervised."""

    def tell(self, identity: str, decision: Decision) -> None:
        """Lays the answer down, where the waiting agent finds it."""

    def grants(self, identity: str) -> Grants:
        """Raises NotFoundError for a bottle that is not supervised, ConflictError for a damaged file."""

    def keep(self, identity: str, grants: Grants, now: float) -> None:
        """Replaces the grants, and what the agent reads of them."""

    def authority(self, identity: str) -> tuple[str, str]:
        """The bottle's authority and its key (PEM). Raises NotFoundError once the bottle has ended."""

    def first_notice(self, identity: str, number: str) -> bool:
        """Whether nobody was notified of this proposal before."""


@frozen
class ManifestEdit:
    """A file of the operator's, before and after."""

    path: Path
    before: str = field(repr=False)
    after: str = field(repr=False)


class HomeManifests(Protocol):
    """The operator's own bottle files, for an answer that is to be kept."""

    def judge(self, route: Route) -> None:
        """Raises ManifestError for a route that a manifest could not name."""

    def with_route(self, bottle: str, route: Route) -> ManifestEdit:
        """The file that says what the bottle may reach, with one more route; comments stay. Writes nothing.

        Raises ManifestError, NotFoundError.
        """

    def with_approved(self, bottle: str, fingerprint: str) -> ManifestEdit:
        """The file that says what the bottle's scanner passes over, with one more fingerprint; as `with_route`."""

    def with_fragment(self, bottle: str, fragment: str) -> ManifestEdit:
        """The file that names the bottle's agent program, with lines more for its image; as `with_route`."""

    def write(self, edit: ManifestEdit) -> None:
        """Raises ConflictError when the file is not as it was `before`."""


class Editor(Protocol):
    """The operator's own editor, on the terminal that is at hand."""

    def edit(self, text: str, identity: str) -> str:
        """The text as the operator left it. Raises UsageError where there is no editor or it fails. What a killed one
        leaves goes with the bottle, or when the next thing of it is edited."""


class Notifier(Protocol):
    """Calls an operator who looks elsewhere."""

    def notify(self, asked: Asked) -> Sequence[str]:
        """Tries every way that is set up. A way that fails stops nothing: returns a line for each."""

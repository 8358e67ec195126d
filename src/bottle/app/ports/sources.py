"""What the operator brings: manifests, agent programs, working trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bottle.domain.manifest import Manifest
    from bottle.domain.provider import Provider
    from bottle.domain.provision import HostTree
    from bottle.domain.workspace import Workspace


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


class Providers(Protocol):
    """The agent programs that bottle knows."""

    def get(self, template: str) -> Provider:
        """Raises NotFoundError `unknown agent provider template: ...` with the nearest name as hint."""


class Workspaces(Protocol):
    """The operator's working trees."""

    def survey(self, directory: str, include: Sequence[str] = ()) -> Workspace:
        """What of the directory goes into a box, by reading alone: what git tracks or would add, with `.git`; without
        a repository all of it; no files that usually hold secrets. `include` has patterns of what is left out and goes
        in nevertheless. Raises UsageError."""

    def beginning(self, tree: HostTree) -> Iterator[bytes]:
        """A tar of a surveyed tree as it is now, without its repositories, relative to the agent's home. Raises
        ProvisionError for what cannot be read."""


class Seeds(Protocol):
    """Histories of this host's repositories, for git gates."""

    def plant(self, repository: Path, folder: Path) -> str:
        """Puts the branches of a repository, with all that was committed to them, where a gate finds them when it
        starts (`gitgate_config.SEED` in `folder`). Runs nothing of the repository's, and changes nothing in it.

        Why not, where it cannot be done; a bottle does without.
        """

    def remove(self, folder: Path) -> None:
        """Takes it away again. Nothing happens where there is none."""

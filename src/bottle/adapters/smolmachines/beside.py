"""Where the sidecars of machines run: what both kinds promise."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

from bottle.adapters.bubblewrap.keeper import Lifeline
from bottle.adapters.bubblewrap.runtime import Runtime, Runtimes
from bottle.app.ports import Cargo, Progress, Stopping
from bottle.domain.egress import Policy
from bottle.domain.errors import BackendError
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.state import Leftover


@frozen
class Served:
    """Whom sidecars serve, and where their trail goes."""

    plan: BottlePlan
    cargo: Cargo
    audit: Path
    stopping: Stopping


class Beside(Protocol):
    """One kind of place, and this owner's sidecars there.

    Each bottle has a directory in `runtimes`, with the sockets that its machine has mounted. A process of this host
    listens there, holds the directory's lock, and ends with its launcher.
    """

    @property
    def name(self) -> str:
        """For people."""

    @property
    def program(self) -> str:
        """The module of the process that listens."""

    @property
    def runtimes(self) -> Runtimes: ...

    @property
    def shares_loopback(self) -> bool:
        """Whether sidecars reach what listens on this host's loopback."""

    def git_fault(self) -> BackendError | None:
        """What `Backend.git_fault` says."""

    def image(self, of_the_engine: Image) -> Image:
        """What stands for the sidecars in a plan."""

    def owns(self, image: Image) -> bool: ...

    def lacks(self, image: Image) -> bool: ...

    def build(self, image: Image, progress: Progress) -> None:
        """Raises ProvisionError."""

    def place(self, served: Served, runtime: Runtime, lock: int, lifeline: Lifeline) -> list[int]:
        """Has sidecars started that are reached through the sockets in the directory. The ports at which a box looks
        for them. Raises BackendError, ConflictError, and then the directory and all that was made is gone."""

    def wait(self, served: Served, lifeline: Lifeline, deadline: float) -> None:
        """Until they serve. Raises BackendError."""

    def reload(self, identity: str, policy: Policy, leaves: Mapping[str, str]) -> None:
        """Raises BackendError, and the old policy stays."""

    def log(self, identity: str) -> bytes: ...

    def services(self) -> Mapping[str, Collection[str]]:
        """Which sidecars can be reached, by the identity of their bottle; none for one that has lost its way."""

    def leftovers(self) -> Sequence[Leftover]: ...

    def remove(self, identity: str) -> None:
        """Ends the sidecars, and removes what is left of them; may be repeated. Raises BackendError."""

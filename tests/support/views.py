"""What is to be seen of bottles from outside, whichever backend they stand on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, Self

from attrs import frozen

from tests.support.token_hunt import Hunt


@frozen
class Place:
    """Where the stand-in listens, and the address by which a bottle's way out reaches it there."""

    bind: str
    connect: str


class Views(Protocol):
    """Full power over one backend's bottles: what no inhabitant could hide."""

    @property
    def backend(self) -> str: ...

    @property
    def ordinary(self) -> str:
        """In words, what has no walls here and is compared with the box."""

    @property
    def shown(self) -> str:
        """In words, what `inspected` looks at."""

    @property
    def nothing(self) -> str:
        """In words, what `remains` looks for."""

    @property
    def certain(self) -> str:
        """A text that `inspected` finds in every bottle."""

    def within(self, env: Mapping[str, str]) -> Self:
        """The same for bottles that are started with this environment."""

    def place(self) -> Place:
        """Raises OSError when no address of this host serves."""

    def require_reachable(self, place: Place, port: int) -> None:
        """Raises OSError when a bottle's way out could not reach the stand-in."""

    def is_running(self, identity: str) -> bool: ...

    def gateways(self, identity: str) -> Sequence[str]:
        """Addresses of the host that this bottle alone might know."""

    def traces(self, identity: str) -> tuple[str, ...]:
        """Of a running bottle: what does not carry its name, for `remains` to look for later."""

    def remains(self, identity: str, traces: Iterable[str] = ()) -> tuple[str, ...]:
        """What is still there of a bottle that has ended."""

    def inspected(self, identity: str, hunt: Hunt) -> tuple[str, ...]:
        """Where the secret is shown to others than the bottle's own processes."""

    def processes(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """Where the secret is in a process's environment or arguments, and how many were read.

        Raises AssertionError when those that matter could not be read.
        """

    def files(self, identity: str, hunt: Hunt) -> tuple[tuple[str, ...], int]:
        """The files of the agent's box that hold the secret, and how many bytes were read."""

    def probe_beside(self, identity: str, argv: Sequence[str]) -> bytes:
        """What a program prints that runs on this host without walls. Raises AssertionError when it fails."""

    def close(self) -> None: ...

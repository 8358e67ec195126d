"""What is kept of each bottle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bottle.domain.state import Event, Metadata
    from bottle.domain.taken_out import KeptArchive, Part


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

    def ending(self, identity: str, *, wait: bool = False) -> AbstractContextManager[None]:
        """Inside, nobody else ends the bottle: whoever tends it, and whoever stops it from elsewhere, do so one after
        the other. Lasts as `hold` does. Raises ConflictError when another process is at it, unless told to `wait`."""

    def record(self, event: Event) -> None:
        """Appends a lifecycle line to the trail."""

    def keep_log(self, identity: str, name: str, content: bytes) -> None:
        """Keeps a sidecar's log with the state, replacing one of the same name."""

    def log(self, identity: str) -> bytes:
        """The kept logs, concatenated; empty when none was kept."""

    def size(self, identity: str) -> int:
        """Bytes that are kept of it, as far as they can be counted."""

    def release(self, identity: str) -> None:
        """Removes all that is kept. Nothing happens when nothing is. Raises ConflictError while somebody exports it."""


class Snapshots(Protocol):
    """Parts of boxes, with the state of their bottle; gone when that is released."""

    def keep(
        self, identity: str, part: Part, roots: Sequence[str], pour: Callable[[Callable[[bytes], None]], None]
    ) -> None:
        """Keeps the tar that `pour` hands over in pieces, in place of an earlier one; whole, or not at all. Its members
        are relative to the agent's home, at or below `roots`. An archive without members is not kept.

        Raises NotFoundError for an unknown identity, ConflictError for what is no honest archive or more than is taken
        (taken_out.LIMITS), BottleError when the disk refuses, and what `pour` raises.
        """

    def find(self, identity: str, part: Part, roots: Sequence[str]) -> KeptArchive | None:
        """What was kept, if it was."""

    def drop(self, identity: str, part: Part) -> None:
        """Forgets it. Nothing happens where nothing was kept."""

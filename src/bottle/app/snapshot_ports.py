"""What is kept of boxes that ended, as a Protocol; each docstring is the promise."""

from collections.abc import Callable, Sequence
from typing import Protocol

from bottle.domain.taken_out import KeptArchive, Part


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

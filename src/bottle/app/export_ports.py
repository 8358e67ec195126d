"""What bringing an agent's work home needs of the world, as Protocols; each docstring is the promise."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from attrs import frozen

from bottle.domain.exported import Change
from bottle.domain.state import Metadata
from bottle.domain.taken_out import KeptArchive


class Results(Protocol):
    """What bottles without a server leave behind on this host."""

    def holds(self, folder: Path) -> bool:
        """Whether there are results in `folder`."""

    def take(self, folder: Path, repository: Path, below: str) -> Sequence[str]:
        """Makes each branch of the results in `folder` a branch `<below>/...` of the repository, and names them; those
        that changed where some did. Runs nothing of the repository's, touches nothing else of it.

        Raises NotFoundError where there is no result, UsageError for what is no repository, ConflictError for a result
        that is no file, BottleError when git refuses what is in it.
        """


@frozen
class Kept:
    """A workspace that was kept: how it began, what became of it, and the bottle that it was in."""

    metadata: Metadata
    base: KeptArchive
    work: KeptArchive


class Work(Protocol):
    """A workspace that was kept, compared with how it began."""

    @property
    def changes(self) -> Sequence[Change]:
        """What differs, by path."""

    @property
    def stat(self) -> str:
        """git's own summary of it."""

    @property
    def left_out(self) -> Sequence[str]:
        """What differs and is not brought home, with the reason, one line each."""

    def write_patch(self, path: Path) -> None:
        """A new file for `git apply`. Raises ConflictError where there is one already, BottleError."""

    def make_branch(self, name: str) -> None:
        """The work as a branch of the repository, on the commit that it began from; nothing else there is touched, and
        nothing of it runs. Raises UsageError for what is no repository, ConflictError where that commit is not in it or
        the branch is checked out, BottleError when git refuses what is in it."""


class Workshop(Protocol):
    """Where work is compared, away from every repository."""

    def comparing(self, kept: Kept, repository: Path) -> AbstractContextManager[Work]:
        """Inside, the work as it differs; the objects of the repository, which need not be one, are read. Raises
        ConflictError for what is no honest archive, BottleError."""

"""Working trees that nobody looks through."""

from collections.abc import Sequence

from bottle.domain.errors import UsageError
from bottle.domain.provision import GUEST_WORKSPACE, HostTree
from bottle.domain.workspace import Workspace


class FakeWorkspaces:
    """ports.Workspaces: every absolute directory holds one file of three bytes, and `include` adds what it names."""

    def survey(self, directory: str, include: Sequence[str] = ()) -> Workspace:
        if not directory.startswith("/"):
            raise UsageError(f"--cwd: {directory} is no directory")
        entries = tuple(sorted({"file", *include}))
        return Workspace(HostTree(directory, GUEST_WORKSPACE, entries=entries, size=3 * len(entries)))

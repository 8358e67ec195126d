"""Working trees that nobody looks through."""

from collections.abc import Iterator, Sequence

from bottle.adapters.archive import Furniture, pack
from bottle.domain.errors import UsageError
from bottle.domain.provision import GUEST_WORKSPACE, GuestFile, HostTree
from bottle.domain.taken_out import WORKSPACE
from bottle.domain.workspace import Workspace


class FakeWorkspaces:
    """ports.Workspaces: every absolute directory holds one file of three bytes, and `include` adds what it names."""

    def survey(self, directory: str, include: Sequence[str] = ()) -> Workspace:
        if not directory.startswith("/"):
            raise UsageError(f"--cwd: {directory} is no directory")
        entries = tuple(sorted({"file", *include}))
        return Workspace(HostTree(directory, GUEST_WORKSPACE, entries=entries, size=3 * len(entries)))

    def beginning(self, tree: HostTree) -> Iterator[bytes]:
        return pack(Furniture(files=tuple(GuestFile(f"/{WORKSPACE}/{path}", b"abc") for path in tree.entries or ())))

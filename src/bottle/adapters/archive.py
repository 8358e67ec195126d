"""One tar of everything that goes into a box: numeric owners, plain modes, the same bytes for the same content.

Links are kept and never followed; sockets, devices and pipes are left out; trees are streamed, a file at a time.
"""

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import accumulate
from pathlib import Path

from attrs import frozen

from bottle.adapters.tar_header import BLOCK, FILE, FOLDER, LINK, header, padding
from bottle.adapters.tar_reader import content, members
from bottle.domain.errors import ProvisionError
from bottle.domain.provision import GUEST_HOME, NODE, GuestDirectory, GuestFile, HostTree, Owner
from bottle.domain.taken_out import LIMITS, KeptArchive

EPOCH = 315532800
"""The time of everything that has none of its own: 1980, the oldest that a ZIP can hold."""

_WHOLE = 256 * 1024  # up to this size a file is read whole, so that one that grows meanwhile does no harm
_CHUNK = 256 * 1024
_PIECE = 512 * 1024  # what is handed on at once: a hundred thousand small writes would cost more than the files
_PARENT_MODE = 0o755
_MIB = 1024 * 1024
_TELLING = 64 * _MIB


@frozen
class Furniture:
    """What to pack; later things win over earlier ones of the same path: directories, trees, archives, files."""

    directories: tuple[GuestDirectory, ...] = ()
    trees: tuple[HostTree, ...] = ()
    files: tuple[GuestFile, ...] = ()
    archives: tuple[KeptArchive, ...] = ()


def pack(furniture: Furniture, tell: Callable[[str], None] | None = None) -> Iterator[bytes]:
    """The tar's bytes in large pieces, with paths relative to the root. `tell` hears how far a large one has come.

    Raises ProvisionError for what cannot be read.
    """
    expected = sum(tree.size for tree in furniture.trees)
    gathered, size, done = bytearray(), 0, 0
    for part in _parts(furniture):
        gathered += part
        if len(gathered) >= _PIECE:
            size += len(gathered)
            yield bytes(gathered)
            gathered.clear()
            if tell is not None and size - done >= _TELLING and expected >= _TELLING:
                done = size
                tell(f"copying: {done // _MIB} of about {max(expected, done) // _MIB} MiB")
    yield bytes(gathered)


def _parts(furniture: Furniture) -> Iterator[bytes]:
    made: set[str] = set()
    for directory in furniture.directories:
        yield from _parents(directory.path, directory.owner, made)
        yield _folder(directory.path, directory.mode, directory.owner, made)
    for tree in furniture.trees:
        yield from _parents(tree.guest_path, tree.owner, made)
        yield from _Tree(tree, made).parts()
    for kept in furniture.archives:
        yield from _kept(kept, made)
    for file in furniture.files:
        yield from _parents(file.path, file.owner, made)
        yield from file_member(file)
    yield bytes(2 * BLOCK)


def _kept(kept: KeptArchive, made: set[str]) -> Iterator[bytes]:
    """What an earlier box held, as the agent's own. Raises ConflictError for what is no honest archive."""
    with Path(kept.path).open("rb") as archive:
        for member in members(archive, kept.roots, LIMITS[kept.part]):
            path = f"{GUEST_HOME}/{member.path}"
            yield from _parents(path, NODE, made)
            if member.kind == "folder":
                yield _folder(path, member.mode | 0o700, NODE, made, member.mtime)
            elif member.kind == "link":
                yield _header(path, 0o777, NODE, member.mtime, LINK, link=os.fsencode(member.target))
            else:
                yield _header(path, member.mode, NODE, member.mtime, FILE, size=member.size)
                yield from content(archive, member)
                yield padding(member.size)


def _parents(path: str, owner: Owner, made: set[str]) -> Iterator[bytes]:
    """The directories between the agent's home and the path, which unpacking would otherwise give to root.

    What lies elsewhere is left to the unpacking: an entry would change modes and owners that the image chose.
    """
    if owner != NODE or not path.startswith(f"{GUEST_HOME}/"):
        return
    parts = path.removeprefix(f"{GUEST_HOME}/").split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        parent = "/".join([GUEST_HOME, *parts[:depth]])
        if parent not in made:
            yield _folder(parent, _PARENT_MODE, owner, made)


def _folder(path: str, mode: int, owner: Owner, made: set[str], mtime: int = EPOCH) -> bytes:
    made.add(path)
    return _header(path, mode, owner, mtime, FOLDER)


def file_member(file: GuestFile) -> Iterator[bytes]:
    """One file of a tar, whose end is the caller's to write."""
    yield _header(file.path, file.mode, file.owner, EPOCH, FILE, size=len(file.content))
    yield file.content
    yield padding(len(file.content))


class _Tree:
    """One tree on its way into the tar."""

    def __init__(self, tree: HostTree, made: set[str]) -> None:
        self._tree, self._made = tree, made
        self._folders: set[str] = set()

    def parts(self) -> Iterator[bytes]:
        tree = self._tree
        if not Path(tree.host_path).is_dir():
            raise ProvisionError(
                f"{tree.host_path} cannot be read: it is no directory", hint="what goes into the box must be readable"
            )
        yield from self._thing("")
        if tree.entries is None:
            yield from self._all()
        else:
            yield from self._chosen(tree.entries)

    def _all(self) -> Iterator[bytes]:
        """All that is in the tree, in the order of names, what is in a folder right behind it."""
        pending = self._within("")
        while pending:
            entry = pending.pop()
            yield from self._thing(entry)
            if f"{self._tree.guest_path}/{entry}" in self._made:
                pending += self._within(entry)

    def _within(self, folder: str) -> list[str]:
        """What is in a folder, the last name first; nothing where it went after it was listed."""
        try:
            names = sorted(os.listdir(f"{self._tree.host_path}/{folder}"), key=os.fsencode, reverse=True)  # noqa: PTH208
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(f"{self._tree.host_path}/{folder}", error) from error
        return [f"{folder}/{name}" if folder else name for name in names]

    def _chosen(self, entries: Iterable[str]) -> Iterator[bytes]:
        """The entries alone, each behind the folders above it. What stands behind a link is not in the tree."""
        for entry in entries:
            if (yield from self._above(entry)):
                yield from self._thing(entry)

    def _above(self, entry: str) -> Generator[bytes, None, bool]:
        """The folders above the entry; whether all of them are folders of this tree."""
        folder = entry.rpartition("/")[0]
        if not folder or folder in self._folders:
            return True
        for above in accumulate(folder.split("/"), "{}/{}".format):
            if above not in self._folders:
                if not self._is_folder(above):
                    return False
                self._folders.add(above)
                if f"{self._tree.guest_path}/{above}" not in self._made:
                    yield from self._thing(above)
        return True

    def _is_folder(self, entry: str) -> bool:
        """Whether it is one itself: no link to one, and no way up."""
        if entry.rpartition("/")[2] in ("", ".", ".."):
            return False
        try:
            return stat.S_ISDIR(os.lstat(f"{self._tree.host_path}/{entry}").st_mode)
        except OSError:
            return False

    def _thing(self, entry: str) -> Iterator[bytes]:
        """One thing, without what is in it; nothing where it went meanwhile or is neither file, link nor folder."""
        tree = self._tree
        source, path = (f"{tree.host_path}/{entry}", f"{tree.guest_path}/{entry}") if entry else self._roots
        if entry in tree.replaced:
            yield from file_member(GuestFile(path, tree.replaced[entry], 0o644, tree.owner))
            return
        try:
            status = os.stat(source, follow_symlinks=not entry)  # noqa: PTH116 - a hundred thousand times
            if stat.S_ISREG(status.st_mode):
                yield from _host_file(source, path, tree.owner)
            elif stat.S_ISLNK(status.st_mode):
                yield _link(source, path, tree.owner, status)
            elif stat.S_ISDIR(status.st_mode):
                mode = status.st_mode & 0o777 | 0o700
                yield _folder(path, mode, tree.owner, self._made, int(status.st_mtime))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(source, error) from error

    @property
    def _roots(self) -> tuple[str, str]:
        return self._tree.host_path, self._tree.guest_path


def _link(source: str, path: str, owner: Owner, status: os.stat_result) -> bytes:
    target = os.fsencode(os.readlink(source))  # noqa: PTH115
    return _header(path, 0o777, owner, int(status.st_mtime), LINK, link=target)


def _host_file(source: str, path: str, owner: Owner) -> Iterator[bytes]:
    # Not blocking and not following: between the listing and now it may have become a pipe or a link.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        mode, mtime = status.st_mode & 0o777, int(status.st_mtime)
        size, content = status.st_size, b""
        if size <= _WHOLE:
            content = _whole(descriptor, size)
            size = len(content)
        yield _header(path, mode, owner, mtime, FILE, size=size)
        if content:
            yield content
        else:
            yield from _exactly(source, descriptor, size)
        yield padding(size)
    finally:
        os.close(descriptor)


def _whole(descriptor: int, size: int) -> bytes:
    """All that there is now, however it grows or shrinks."""
    content = os.read(descriptor, size + 1)
    while more := os.read(descriptor, _CHUNK) if len(content) != size else b"":
        content += more
    return content


def _exactly(source: str, descriptor: int, size: int) -> Iterator[bytes]:
    while size:
        chunk = os.read(descriptor, min(size, _CHUNK))
        if not chunk:
            raise ProvisionError(f"{source} shrank while it was copied", hint="start again when nothing writes to it")
        size -= len(chunk)
        yield chunk


def _header(path: str, mode: int, owner: Owner, mtime: int, kind: bytes, *, size: int = 0, link: bytes = b"") -> bytes:
    name = os.fsencode(path.lstrip("/"))
    return header(name, mode, owner.uid, owner.gid, max(mtime, 0), kind, size=size, link=link)


def _unreadable(path: str, error: OSError) -> ProvisionError:
    return ProvisionError(f"{path} cannot be read: {error.strerror}", hint="what goes into the box must be readable")

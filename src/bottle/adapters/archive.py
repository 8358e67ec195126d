"""One tar of everything that goes into a box: numeric owners, plain modes, the same bytes for the same content.

Links are kept and never followed; sockets, devices and pipes are left out; trees are streamed, a file at a time.
"""

import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from bottle.domain.errors import ProvisionError
from bottle.domain.provision import GUEST_HOME, NODE, GuestDirectory, GuestFile, HostTree, Owner

EPOCH = 315532800
"""The time of everything that has none of its own: 1980, the oldest that a ZIP can hold."""

_WHOLE = 1024 * 1024  # up to this size a file is read whole, so that one that grows meanwhile does no harm
_CHUNK = 256 * 1024
_PARENT_MODE = 0o755


@frozen
class Furniture:
    """What to pack; later things win over earlier ones of the same path: directories, trees, files."""

    directories: tuple[GuestDirectory, ...] = ()
    trees: tuple[HostTree, ...] = ()
    files: tuple[GuestFile, ...] = ()


def pack(furniture: Furniture) -> Iterator[bytes]:
    """The tar's bytes, with paths relative to the root. Raises ProvisionError for what cannot be read."""
    made: set[str] = set()
    for directory in furniture.directories:
        yield from _parents(directory.path, directory.owner, made)
        yield from _directory(directory.path, directory.mode, directory.owner, made)
    for tree in furniture.trees:
        yield from _parents(tree.guest_path, tree.owner, made)
        yield from _tree(Path(tree.host_path), tree.guest_path, tree.owner, made)
    for file in furniture.files:
        yield from _parents(file.path, file.owner, made)
        header = _header(file.path, file.mode, file.owner, EPOCH)
        header.size = len(file.content)
        yield from _member(header, [file.content])
    yield bytes(2 * tarfile.BLOCKSIZE)


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
            yield from _directory(parent, _PARENT_MODE, owner, made)


def _directory(path: str, mode: int, owner: Owner, made: set[str], mtime: int = EPOCH) -> Iterator[bytes]:
    made.add(path)
    header = _header(path, mode, owner, mtime)
    header.type = tarfile.DIRTYPE
    yield from _member(header, ())


def _tree(root: Path, guest: str, owner: Owner, made: set[str]) -> Iterator[bytes]:
    try:
        entries = sorted(os.scandir(root), key=lambda entry: os.fsencode(entry.name))
        status = root.stat()
    except OSError as error:
        raise _unreadable(root, error) from error
    yield from _directory(guest, stat.S_IMODE(status.st_mode) & 0o777 | 0o700, owner, made, int(status.st_mtime))
    for entry in entries:
        path = f"{guest}/{entry.name}"
        try:
            if entry.is_symlink():
                yield from _link(Path(entry.path), path, owner)
            elif entry.is_dir(follow_symlinks=False):
                yield from _tree(Path(entry.path), path, owner, made)
            elif entry.is_file(follow_symlinks=False):
                yield from _host_file(Path(entry.path), path, owner)
        except FileNotFoundError:
            continue  # it went between listing and reading: then it is not part of the tree


def _link(source: Path, path: str, owner: Owner) -> Iterator[bytes]:
    header = _header(path, 0o777, owner, int(source.lstat().st_mtime))
    header.type = tarfile.SYMTYPE
    header.linkname = str(source.readlink())
    yield from _member(header, ())


def _host_file(source: Path, path: str, owner: Owner) -> Iterator[bytes]:
    try:
        # Not blocking and not following: between the listing and now it may have become a pipe or a link.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(source, error) from error
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        header = _header(path, stat.S_IMODE(status.st_mode) & 0o777, owner, int(status.st_mtime))
        if status.st_size <= _WHOLE:
            content = stream.read()
            header.size = len(content)
            yield from _member(header, [content])
        else:
            header.size = status.st_size
            yield from _member(header, _exactly(source, stream.read, status.st_size))


def _exactly(source: Path, read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    while size:
        chunk = read(min(size, _CHUNK))
        if not chunk:
            raise ProvisionError(f"{source} shrank while it was copied", hint="start again when nothing writes to it")
        size -= len(chunk)
        yield chunk


def _member(header: tarfile.TarInfo, content: Iterable[bytes]) -> Iterator[bytes]:
    yield header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    yield from content
    yield bytes(-header.size % tarfile.BLOCKSIZE)


def _header(path: str, mode: int, owner: Owner, mtime: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(path.lstrip("/"))
    header.mode, header.mtime = mode, max(mtime, 0)
    header.uid, header.gid = owner.uid, owner.gid
    return header


def _unreadable(path: Path, error: OSError) -> ProvisionError:
    return ProvisionError(f"{path} cannot be read: {error.strerror}", hint="what goes into the box must be readable")

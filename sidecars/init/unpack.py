"""Unpacking a tar into the box: below the agent's own places, through no link, with no owner and no special bit."""

import os
import stat
import tarfile
from typing import BinaryIO

PLACES = (("home", "node"), ("tmp",))
_CHUNK = 256 * 1024
_NEW_DIRECTORY = 0o755
_HELD_DIRECTORY = 0o700
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def unpack(stream: BinaryIO, root: str = "/") -> None:
    """Unpacks all of it, later entries over earlier ones of the same path. Raises OSError, which names the entry."""
    unpacking = _Unpacking(root)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK) as archive:
            for member in archive:
                unpacking.take(archive, member)
                archive.members = []  # type: ignore[attr-defined] # otherwise all of them are kept in memory
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"the archive is damaged: {error}") from error
    unpacking.finish()


class _Unpacking:
    """Every path is walked from the root, a directory at a time; the last one stays open, for entries come together."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._at: tuple[str, ...] | None = None
        self._directory = -1
        self._directories: dict[tuple[str, ...], tarfile.TarInfo] = {}

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = _parts(member.name)
        try:
            if member.isdir():
                self._enter(parts, _HELD_DIRECTORY)
                self._directories[parts] = member
                return
            self._enter(parts[:-1], _NEW_DIRECTORY)
            self._make(archive, member, parts[-1])
        except OSError as error:
            raise _named(member, error) from error

    def finish(self) -> None:
        """Modes and times of directories, which their content would have changed; the deepest first."""
        for parts, member in sorted(self._directories.items(), key=lambda item: -len(item[0])):
            try:
                self._enter(parts, _NEW_DIRECTORY)
                _dress(self._directory, member)
            except OSError as error:
                raise _named(member, error) from error

    def _enter(self, parts: tuple[str, ...], mode: int) -> None:
        """Goes to the directory, making what is missing: the last with the mode, the others as usual."""
        if parts == self._at:
            return
        directory = os.open(self._root, _DIRECTORY)
        try:
            for depth, part in enumerate(parts, 1):
                directory = _step(directory, part, mode if depth == len(parts) else _NEW_DIRECTORY)
        except OSError:
            os.close(directory)
            raise
        if self._directory >= 0:
            os.close(self._directory)
        self._at, self._directory = parts, directory

    def _make(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
        _remove(name, self._directory)
        if member.issym():
            os.symlink(member.linkname, name, dir_fd=self._directory)
            times = (member.mtime, member.mtime)
            os.utime(name, times, dir_fd=self._directory, follow_symlinks=False)
        elif member.islnk():
            self._link(_parts(member.linkname), name)
        elif member.isreg() and not member.issparse():
            _file(archive, member, name, self._directory)
        else:
            raise OSError("it is neither a file, a directory nor a link")

    def _link(self, target: tuple[str, ...], name: str) -> None:
        here = os.dup(self._directory)
        try:
            self._enter(target[:-1], _NEW_DIRECTORY)
            os.link(target[-1], name, src_dir_fd=self._directory, dst_dir_fd=here, follow_symlinks=False)
        finally:
            os.close(here)


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(name.split("/"))
    if not all(parts) or "." in parts or ".." in parts or "\0" in name:
        raise OSError(f"{name!r} is no plain relative path")
    if not any(parts[: len(place)] == place and (len(parts) > len(place)) for place in PLACES) and parts not in PLACES:
        raise OSError(f"{name!r} is not below the agent's places")
    return parts


def _step(directory: int, part: str, mode: int) -> int:
    """The directory inside the directory, which is closed. One that is missing is made; a link is an error."""
    try:
        inner = _open_directory(part, directory)
    except FileNotFoundError:
        os.mkdir(part, mode, dir_fd=directory)
        inner = _open_directory(part, directory)
    os.close(directory)
    return inner


def _open_directory(name: str, directory: int) -> int:
    return os.open(name, _DIRECTORY, dir_fd=directory)


def _remove(name: str, directory: int) -> None:
    """What stands there goes, so that no content is ever written through it."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, directory: int) -> None:
    source = archive.extractfile(member)
    if source is None:
        raise OSError("it has no content")
    with os.fdopen(os.open(name, _FILE, 0o600, dir_fd=directory), "wb", buffering=0) as target:
        left = member.size
        while left:
            content = source.read(min(left, _CHUNK))
            if not content:
                raise OSError("the archive ends too early")
            left -= len(content)
            while content:
                content = content[target.write(content) :]
        _dress(target.fileno(), member)


def _dress(descriptor: int, member: tarfile.TarInfo) -> None:
    os.fchmod(descriptor, stat.S_IMODE(member.mode) & 0o777)
    os.utime(descriptor, (member.mtime, member.mtime))


def _named(member: tarfile.TarInfo, error: OSError) -> OSError:
    return OSError(f"{member.name}: {error.strerror or error}")

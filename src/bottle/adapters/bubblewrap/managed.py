"""Agent programs that bottle installs itself, below `<home>/tools/<program>/<version>`: whole, or not at all."""

import fcntl
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from bottle.adapters import disk
from bottle.adapters.bubblewrap.line import Line
from bottle.adapters.bubblewrap.pins import Release
from bottle.adapters.bubblewrap.tools import GUEST_TOOLS, Tool
from bottle.app.ports import Progress
from bottle.domain.errors import ProvisionError

REGISTRY: Final = "https://registry.npmjs.org"
_STAGING: Final = ".new-"
_LOCK: Final = ".lock"


@frozen
class Shelf:
    """Where installed programs stand (`<home>/tools`), and where they come from."""

    folder: Path
    registry: str = REGISTRY
    line: Line = field(factory=Line)

    def place(self, release: Release) -> Path:
        return self.folder / release.program / release.version

    def has(self, release: Release) -> bool:
        """Whether the release is installed. Only whole ones ever stand in their place."""
        return os.access(self.place(release) / release.entry, os.X_OK)

    def tool(self, release: Release) -> Tool:
        """The installed release as a box gets it."""
        guest = f"{GUEST_TOOLS}/{release.program}"
        return Tool(
            program=release.program,
            version=release.version,
            origin="bottle's own",
            binds=((str(self.place(release)), guest),),
            links=((release.program, f"{guest}/{release.entry}"),),
        )


def install(release: Release, shelf: Shelf, progress: Progress) -> None:
    """Fetches, checks and unpacks the release; nothing happens when it is there. Two at once make one.

    Raises ProvisionError, and leaves nothing half made behind, however it ends: what a killed process leaves is removed
    by the next.
    """
    try:
        with alone(shelf.folder / release.program, progress) as folder:
            if not shelf.has(release):
                sweep(folder)
                with staging(folder) as new:
                    _make(release, shelf, new, progress)
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename or shelf.folder}"
        raise ProvisionError(
            f"{release.program} {release.version} cannot be installed: {reason}",
            hint=f"it needs some 600 MB below {shelf.folder}, and the right to write there",
        ) from error


def _make(release: Release, shelf: Shelf, new: Path, progress: Progress) -> None:
    from bottle.adapters.bubblewrap.download import fetch  # TLS and HTTP, which a start does without

    url = f"{shelf.registry.rstrip('/')}/{release.path}"
    archive, tree = new / "archive", new / "tree"
    progress.detail(f"fetching {url}")
    fetch(url, archive, release.sha512, shelf.line, progress)
    progress.detail("unpacking")
    _unpack(archive, release, tree)
    place = shelf.place(release)
    disk.remove_tree(place)  # only what lacks its program: has() said that it is not there
    tree.rename(place)


def _unpack(archive: Path, release: Release, tree: Path) -> None:
    """The wanted files and nothing else of an archive whose hash was right."""
    _make_open(tree)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = member.name.removeprefix(f"{release.root}/")
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None and name != member.name and _is_wanted(name, release.members):
                _write(tree / name, content, 0o755 if member.mode & 0o100 else 0o644)
    if not os.access(tree / release.entry, os.X_OK):
        raise ProvisionError(f"{release.path} holds no program {release.entry}", hint="this is a mistake in bottle")


def _is_wanted(name: str, members: tuple[str, ...]) -> bool:
    return ".." not in name.split("/") and any(name == wanted or name.startswith(f"{wanted}/") for wanted in members)


def _write(path: Path, content: IO[bytes], mode: int) -> None:
    for folder in reversed([folder for folder in path.parents if not folder.exists()]):
        _make_open(folder)
    with path.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)


def _make_open(folder: Path) -> None:
    """A directory that a box may look into whoever its user is; what lies above it is the operator's alone."""
    folder.mkdir()
    folder.chmod(0o755)


@contextmanager
def alone(folder: Path, progress: Progress) -> Iterator[Path]:
    """The program's directory, with no other process installing into it."""
    disk.make_private(folder)
    with (folder / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.detail("another bottle installs it; waiting for that")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def is_taken(folder: Path) -> bool:
    """Whether some process is alone in it now."""
    return disk.is_locked(folder / _LOCK)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A new directory, gone in the end with what is still in it."""
    new = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
    try:
        yield new
    finally:
        disk.remove_tree(new)


def sweep(folder: Path) -> None:
    """What killed processes left; whoever lives and installs holds the lock, which is ours now."""
    for left in folder.glob(f"{_STAGING}*"):
        disk.remove_tree(left)


def registry_of(environ: Mapping[str, str], home: Path) -> str:
    """npm's own setting: its environment variable, else the `registry` line of `~/.npmrc`, else npm's default.

    No other line of that file is looked at: some hold tokens.
    """
    named = environ.get("npm_config_registry") or environ.get("NPM_CONFIG_REGISTRY")
    return _without_login(named or _registry_line(home / ".npmrc") or REGISTRY)


def _without_login(url: str) -> str:
    """An address that may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _registry_line(npmrc: Path) -> str:
    try:
        with npmrc.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition("=")
                if name.strip() == "registry":
                    return value.strip().strip("\"'")
    except OSError:
        pass
    return ""

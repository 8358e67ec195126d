"""Manifests in the home directory, and agents (never bottles) in the repository that the user stands in."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from bottle.adapters.manifests.lazy import Lazy, everything
from bottle.domain.errors import ManifestError
from bottle.domain.names import is_entity_name

if TYPE_CHECKING:
    from bottle.domain.manifest import Agent, Bottle, Manifest

MAX_FILE = 1024 * 1024
HOME_FOLDER = ".bot-bottle"
SUFFIX = ".md"


@frozen
class ManifestFile:
    """One file, not yet read. `label` is how messages call it. Symbolic links are followed for the owner's own files
    alone: a repository's could lead to any file of the host, whose text would become the prompt."""

    path: Path
    label: str
    trusted: bool

    def read(self) -> str:
        """The text. Raises ManifestError for whatever is no readable regular file of UTF-8 within bounds."""
        data = self._bytes()
        if len(data) > MAX_FILE:
            raise self._error(f"is longer than {MAX_FILE} bytes", "a manifest is a short text")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ManifestError(f"{self.label}:{line}: is not UTF-8", hint="save the file as UTF-8") from None

    def _bytes(self) -> bytes:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | (0 if self.trusted else os.O_NOFOLLOW))
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise self._error("is not a regular file", "a manifest is a text file")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_FILE + 1)
        except OSError as error:
            raise self._unreadable(error) from None
        finally:
            os.close(descriptor)

    def _unreadable(self, error: OSError) -> ManifestError:
        if error.errno == errno.ELOOP and not self.trusted:
            return self._error("is a symbolic link, which a repository may not bring along", "copy the file")
        if self.path.is_symlink():
            return self._error("is a symbolic link that leads to no readable file", "mend or remove the link")
        return self._error(
            f"cannot be read: {os.strerror(error.errno or errno.EIO)}", "check the file's owner and mode"
        )

    def _error(self, problem: str, hint: str) -> ManifestError:
        return ManifestError(f"{self.label}: {problem}", hint=hint)


@frozen
class Shelf:
    """All files that count, by name, and a line for each thing that was passed over."""

    bottles: Mapping[str, ManifestFile]
    agents: Mapping[str, ManifestFile]
    warnings: tuple[str, ...]


class ManifestFiles:
    """The port `Manifests` over files: `home` is the `.bot-bottle` directory, `repository` where the user stands."""

    def __init__(self, home: Path, repository: Path | None) -> None:
        self._home = home
        self._repository = repository
        self._warnings: tuple[str, ...] = ()

    def agent_names(self) -> Sequence[str]:
        """The names that can be started, sorted; no file is opened."""
        return tuple(sorted(self._shelf().agents))

    def load(self, agent: str) -> Manifest:
        """The agent with its bottle and all that it extends; no other file is opened."""
        from bottle.domain.manifest import Manifest  # whoever asks for names waits for a shell's TAB

        bottles, agents = self._lazily()
        return Manifest(bottles=bottles, agents=agents).part_for(agent)

    def load_all(self) -> Manifest:
        """Everything. When files are broken: the first error, with the others in its hint."""
        return everything(*self._lazily())

    def warnings(self) -> Sequence[str]:
        """What the last look passed over, one line each."""
        return self._warnings

    def _lazily(self) -> tuple[Lazy[Bottle], Lazy[Agent]]:
        shelf = self._shelf()
        return (
            Lazy(sorted(shelf.bottles), lambda name: _bottle(shelf.bottles[name], name)),
            Lazy(sorted(shelf.agents), lambda name: _agent(shelf.agents[name], name)),
        )

    def _shelf(self) -> Shelf:
        warnings: list[str] = []
        bottles = _listed(self._home / "bottles", "bottles", True, warnings)
        agents = _listed(self._home / "agents", "agents", True, warnings)
        for name, file in self._brought_along(warnings).items():
            if name in agents:
                warnings.append(f"{file.label}: ignored: your own agent '{name}' goes before the repository's")
            agents.setdefault(name, file)
        self._warnings = tuple(warnings)
        return Shelf(bottles, agents, self._warnings)

    def _brought_along(self, warnings: list[str]) -> dict[str, ManifestFile]:
        """The repository's agents. Its bottles would decide what it may reach: they never count."""
        if self._repository is None:
            return {}
        try:
            return _agents_of(self._repository, self._home, warnings)
        except (OSError, ManifestError):
            warnings.append(f"{HOME_FOLDER}: ignored: the repository's folder cannot be read")
            return {}


def _agents_of(repository: Path, home: Path, warnings: list[str]) -> dict[str, ManifestFile]:
    """A repository's agents, unless its folder is the home folder, as when the user stands in the home directory."""
    folder = repository / HOME_FOLDER
    if not folder.is_dir() or (home.exists() and folder.samefile(home)):
        return {}
    if os.path.lexists(folder / "bottles"):
        warnings.append(f"{HOME_FOLDER}/bottles: ignored: a repository brings no bottles along")
    for part in (folder, folder / "agents"):
        if part.is_symlink():
            label = part.relative_to(repository)
            warnings.append(f"{label}: ignored: a repository's folder may not be a symbolic link")
            return {}
    return _listed(folder / "agents", f"{HOME_FOLDER}/agents", False, warnings)


def _listed(folder: Path, label: str, trusted: bool, warnings: list[str]) -> dict[str, ManifestFile]:
    """The manifests of one folder by name. A folder that is not there holds none."""
    files = {}
    for file_name in _file_names(folder, label):
        name = file_name.removesuffix(SUFFIX)
        if is_entity_name(name):
            files[name] = ManifestFile(folder / file_name, f"{label}/{file_name}", trusted)
        else:
            shown = ascii(file_name)[1:-1]
            warnings.append(
                f"{label}/{shown}: skipped: a name is lower-case letters, digits and hyphens, a letter first"
            )
    return files


def _file_names(folder: Path, label: str) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = os.strerror(error.errno or errno.EIO)
        raise ManifestError(f"{label}: cannot be read: {problem}", hint="a directory that you can read") from None


def _bottle(file: ManifestFile, name: str) -> Bottle:
    from bottle.adapters.manifests import frontmatter, structure

    return structure.bottle_from(frontmatter.parse(file.read(), file.label).root, name)


def _agent(file: ManifestFile, name: str) -> Agent:
    from bottle.adapters.manifests import frontmatter, structure

    document = frontmatter.parse(file.read(), file.label)
    return structure.agent_from(document.root, name, document.body)

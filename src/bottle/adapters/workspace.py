"""The operator's working tree, looked through before it is copied: what git tracks and what it would add, and `.git`.

Real git says which files these are, told to run nothing that the repository names.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

from bottle.adapters import careful_git, process
from bottle.adapters.archive import Furniture, pack
from bottle.adapters.tree_size import size_of
from bottle.domain.errors import UsageError
from bottle.domain.provision import GUEST_WORKSPACE, HostTree
from bottle.domain.taken_out import beginning_of
from bottle.domain.workspace import (
    Workspace,
    is_asked_for,
    is_git_settings,
    is_left_in_git,
    looks_secret,
    without_credentials,
)

_SECONDS: Final = 120.0
_KEPT_VARIABLES: Final = ("PATH", "HOME", "XDG_CONFIG_HOME")
_SHOWN: Final = 5
_GIT: Final = ".git"
_MODULE_MODE: Final = "160000 "
_DEEPEST: Final = 64
"""How many repositories may stand in each other; git is asked of each."""


@frozen
class HostWorkspaces:
    """ports.Workspaces. `environ` is read for where git and its user's own ignore rules are."""

    environ: Mapping[str, str] = field(repr=False)

    def survey(self, directory: str, include: Sequence[str] = ()) -> Workspace:
        root = Path(directory)
        if not root.is_dir():
            raise UsageError(f"--cwd: {directory} is no directory")
        listed = self._listed(root, include) if self._is_repository(root) else _Listed(tuple(_walk(root, root)))
        chosen, withheld = _without_secrets(listed, include)
        own_git, notes = _git_folder(root)
        entries = tuple(sorted((*chosen, *own_git)))
        replaced = {path: self._settings(root, path) for path in entries if is_git_settings(path)}
        size = size_of(directory, entries)
        tree = HostTree(directory, GUEST_WORKSPACE, entries=entries, replaced=replaced, size=size.total)
        return Workspace(
            tree, (*notes, *size.notes(), *_told(listed, withheld)), self._commit(root) if listed.in_git else ""
        )

    def beginning(self, tree: HostTree) -> Iterator[bytes]:
        return pack(Furniture(trees=(beginning_of(tree),)))

    def _is_repository(self, root: Path) -> bool:
        """Whether git keeps this directory. Raises UsageError where git refuses to say: its rules would be ignored."""
        if not any((folder / _GIT).exists() for folder in (root, *root.parents)):
            return False
        done = self._git(root, "rev-parse", "--is-inside-work-tree")
        if done.status:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise UsageError(
                f"--cwd: git cannot read {root}: {said[0] if said else 'without a word'}",
                hint="put it right, or start elsewhere: what .gitignore leaves out would go in",
            )
        return done.stdout.strip() == b"true"

    def _commit(self, root: Path) -> str:
        """What is checked out; empty before the first commit, and below a repository's top."""
        if not (root / _GIT).exists():
            return ""
        done = self._git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode("ascii", "replace").strip() if done.status == 0 else ""

    def _listed(self, root: Path, include: Sequence[str], depth: int = 1) -> "_Listed":
        """What git tracks and would add below the directory, in its submodules too, and what else was asked for."""
        if depth > _DEEPEST:
            raise UsageError(f"--cwd: more than {_DEEPEST} repositories stand in each other, the last in {root}")
        tracked, modules = self._tracked(root)
        added = set(self._files(root, "--others", "--exclude-standard"))
        asked: set[str] = set()
        if include:
            ignored = self._files(root, "--others", "--ignored", "--exclude-standard")
            asked = {path for path in ignored if is_asked_for(path, include)}
        # Git does not look into a repository that nobody added; it shows its folder, with a slash.
        nested = {path for path in added if path.endswith("/")}
        files = (tracked | added | asked) - nested
        for folder in (*modules, *(path.rstrip("/") for path in nested)):
            is_one = (root / folder / _GIT).exists()
            below = self._listed(root / folder, include, depth + 1) if is_one else _Listed(())
            files |= {f"{folder}/{path}" for path in (*below.files, *_git_folder(root / folder)[0])}
            tracked |= {f"{folder}/{path}" for path in below.tracked}
        return _Listed(tuple(files), frozenset(tracked), in_git=True)

    def _tracked(self, root: Path) -> tuple[set[str], set[str]]:
        """Files and submodules, by the mode that the index has for them (`ls-files --stage`)."""
        files: set[str] = set()
        modules: set[str] = set()
        for line in self._files(root, "--stage"):
            about, _, path = line.partition("\t")
            if _leads_astray(path):
                raise UsageError(f"--cwd: the index of {root} names {path!r}, which is no path in it")
            (modules if about.startswith(_MODULE_MODE) else files).add(path)
        return files, modules

    def _files(self, root: Path, *which: str) -> Iterator[str]:
        done = self._git(root, "ls-files", "-z", *which)
        if done.status:
            raise UsageError(f"--cwd: git cannot list {root}: {done.stderr.decode(errors='replace').strip()[:200]}")
        return (os.fsdecode(path) for path in done.stdout.split(b"\0") if path)

    def _settings(self, root: Path, path: str) -> bytes:
        """A repository's settings as the box gets them; empty where git cannot read them."""
        done = self._git(root, "config", "--file", path, "--no-includes", "--null", "--list")
        entries = [os.fsdecode(entry).partition("\n") for entry in done.stdout.split(b"\0") if entry]
        return os.fsencode(without_credentials((key, value if line else None) for key, line, value in entries))

    def _git(self, root: Path, *arguments: str) -> process.Finished:
        env = careful_git.environment(self.environ, _KEPT_VARIABLES)
        try:
            return process.run(["git", "-C", str(root), *careful_git.SETTINGS, *arguments], timeout=_SECONDS, env=env)
        except FileNotFoundError:
            hint = "install git on this host: it knows what .gitignore leaves out"
            raise UsageError(f"--cwd: {root} is a git repository, and there is no git", hint=hint) from None
        except (OSError, TimeoutError) as error:
            raise UsageError(f"--cwd: git cannot look through {root}: {error}") from None


@frozen
class _Listed:
    """Files by their relative path, and which of them git tracks."""

    files: tuple[str, ...]
    tracked: frozenset[str] = frozenset()
    in_git: bool = False


def _git_folder(root: Path) -> tuple[Sequence[str], Sequence[str]]:
    """The files of `.git`, and what a person should know of it."""
    folder = root / _GIT
    if folder.is_file():
        note = f"{root} is a linked worktree or a submodule: its files go in, its history does not"
        return ((_GIT,), ()) if _leads_to_module(folder) else ((), (note,))
    if not folder.is_dir() or folder.is_symlink():
        return (), ()
    paths = [path for path in _walk(root, folder) if not is_left_in_git(path.removeprefix(f"{_GIT}/"))]
    borrows = f"{_GIT}/objects/info/alternates" in paths
    return (_GIT, *paths), ("its history is borrowed from another repository, which does not go in",) * borrows


def _without_secrets(listed: _Listed, include: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What goes in, and what looks like a secret and stays. What git tracks is in its history anyway, and its absence
    would look like a deletion."""
    withheld = [
        path
        for path in listed.files
        if looks_secret(path) and path not in listed.tracked and not is_asked_for(path, include)
    ]
    kept = set(listed.files).difference(withheld)
    return sorted(kept), sorted(withheld)


def _told(listed: _Listed, withheld: Sequence[str]) -> Iterator[str]:
    if withheld:
        yield f"not copied, for they may hold secrets (--include PATTERN copies them): {_some(withheld)}"
    tracked = sorted(path for path in listed.tracked if looks_secret(path))
    if tracked:
        yield f"copied although they may hold secrets, for git tracks them: {_some(tracked)}"
    if not listed.in_git:
        yield "no git repository: everything in the directory is copied"


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _walk(root: Path, folder: Path) -> Iterator[str]:
    """Everything below the folder that can be copied, folders as well, relative to the root. Git's own folder inside of
    a plain directory is looked through elsewhere."""
    pending = [str(folder)]
    prefix = len(str(root).rstrip("/")) + 1
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if current == str(root) and entry.name == _GIT:
                        continue
                    yield entry.path[prefix:]
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except FileNotFoundError:
            continue  # it went meanwhile
        except OSError as error:
            raise UsageError(f"--cwd: {current} cannot be read: {error.strerror}") from None


def _leads_astray(path: str) -> bool:
    """Whether it is no path below a folder: git takes an index as it is, whoever wrote it."""
    return not {"", ".", ".."}.isdisjoint(path.split("/"))


def _leads_to_module(link: Path) -> bool:
    """Whether a `.git` file names its place relative to itself, among the modules of a repository that goes in too."""
    try:
        _, _, place = link.read_text(encoding="utf-8").strip().partition("gitdir: ")
    except (OSError, UnicodeDecodeError):
        return False
    return not Path(place).is_absolute() and f"{_GIT}/modules/" in place

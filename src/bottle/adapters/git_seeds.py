"""The history of one of this host's repositories, as a bundle for the git gate. No hook and no program of it runs."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bottle.adapters import careful_git, process
from bottle.domain.gitgate_config import SEED

_LARGEST: Final = 256 * 1024**2
_SECONDS: Final = 120.0
_GIT: Final = ".git"
_HISTORY: Final = ("HEAD", "packed-refs", "refs", "reftable", "objects")


class HostSeeds:
    """seeds.Seeds over git. `environ` is read for PATH and HOME alone."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = careful_git.environment(environ, ("PATH", "HOME"))

    def plant(self, repository: Path, folder: Path) -> str:
        path = folder / SEED
        if self._git(repository, "rev-parse", "--is-shallow-repository") != "false":
            return "the repository has not all of its history"
        if not self._has_its_own(repository):
            return "the repository's history is another's"
        try:
            if self._git(repository, "bundle", "create", "--quiet", str(path), "HEAD", "--branches") is None:
                self.remove(folder)
                return "git does not bundle the repository's history"
            if path.stat().st_size > _LARGEST:
                self.remove(folder)
                return f"the history is larger than {_LARGEST // 1024**2} MiB"
            path.chmod(0o644)  # the gate has a user of its own
        except OSError as error:
            self.remove(folder)
            return f"the history cannot be written: {error.strerror}"
        return ""

    def _has_its_own(self, repository: Path) -> bool:
        """Whether the history is in the repository, or in one that knows it as a worktree of its own: what else a
        repository points at, it may have no right to (gitrepository-layout(5))."""
        common = self._git(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
        if common is None:
            return False
        link, home = repository.resolve() / _GIT, Path(common)
        return (home.resolve() == link or _knows(home, link)) and not _borrows(home)

    def remove(self, folder: Path) -> None:
        for name in (SEED, f"{SEED}.lock"):
            (folder / name).unlink(missing_ok=True)

    def _git(self, repository: Path, *arguments: str) -> str | None:
        """What git says; None where it fails."""
        try:
            command = ["git", "-C", str(repository), *careful_git.SETTINGS, *arguments]
            done = process.run(command, timeout=_SECONDS, env=self._env)
        except (FileNotFoundError, TimeoutError):
            return None
        return None if done.status else done.stdout.decode(errors="replace").strip()


def _knows(home: Path, link: Path) -> bool:
    """Whether `home` lists a worktree whose `.git` this is."""
    try:
        return any(Path(back.read_text("utf-8").strip()) == link for back in home.glob("worktrees/*/gitdir"))
    except (OSError, UnicodeDecodeError):
        return False


def _borrows(home: Path) -> bool:
    """Whether some of the history is elsewhere, by git's own means or by a link."""
    if (home / "commondir").exists() or (home / "objects/info/alternates").exists():
        return True
    return any(path.is_symlink() for name in _HISTORY for path in _all(home / name))


def _all(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))

"""The history of one of this host's repositories, as a bundle for the git gate. No hook and no program of it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bottle.adapters import careful_git, process
from bottle.domain.gitgate_config import SEED

_LARGEST: Final = 256 * 1024**2
_SECONDS: Final = 120.0


class HostSeeds:
    """seeds.Seeds over git. `environ` is read for PATH and HOME alone."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = careful_git.environment(environ, ("PATH", "HOME"))

    def plant(self, repository: Path, folder: Path) -> str:
        path = folder / SEED
        if self._git(repository, "rev-parse", "--is-shallow-repository") != "false":
            return "the repository has not all of its history"
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

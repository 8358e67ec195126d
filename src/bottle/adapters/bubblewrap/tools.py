"""The host's own agent program: where it is, and the least that a box must be shown of the host for it to run there.

Found by reading alone: nothing that lies on the PATH is executed outside of a box.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from attrs import field, frozen

from bottle.adapters.bubblewrap import elf, node_packages

GUEST_TOOLS: Final = "/opt/bottle/tools"
GUEST_BIN: Final = "/opt/bottle/bin"
"""First on the box's PATH; holds the links."""

SYSTEM: Final = tuple(
    Path(name) for name in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
)
_RUNTIMES: Final = ("node", "bun", "deno")
_LAUNCHERS: Final = ("asdf", "firejail", "mise", "nodenv", "proto-shim", "rtx", "snap", "volta", "volta-shim")
"""Programs that look at the name under which they are called, and then for an installation in the home."""

CODEX_TREE: Final = ("bin/codex", "bin/codex-code-mode-host", "codex-path", "codex-package.json")
"""What Codex needs of its installation, below the directory above its `bin`: not its own sandbox, not its voice."""
_VERSION = re.compile(r"(?:\A|[-_@v])(\d+\.\d+\.\d+[\w.+-]*)\Z")


@frozen
class Tool:
    """A program as the box gets it: host paths bound read-only to guest paths, and links in GUEST_BIN to guest paths.

    `version` is empty where nothing tells it. `origin` says in a few words where the program comes from.
    """

    program: str
    version: str
    origin: str
    binds: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@frozen
class Unusable:
    """A program of that name which cannot be used in a box, and why, to stand behind its path."""

    path: str
    reason: str


@frozen
class Host:
    """Where programs are looked for, and what of the file system every box sees anyway, under the same paths."""

    path: str
    system: tuple[Path, ...] = field(default=SYSTEM)

    def shows(self, real: Path) -> bool:
        """Whether a box sees this (real) path without being given it."""
        return any(real.is_relative_to(folder.resolve()) for folder in self.system)

    def candidates(self, program: str) -> Iterator[Path]:
        """The files that the PATH has of this name, in its order. A relative entry means the directory where somebody
        happens to be, often a repository: it is passed over."""
        for folder in dict.fromkeys(self.path.split(os.pathsep)):
            candidate = Path(folder) / program
            if folder.startswith("/") and os.access(candidate, os.R_OK | os.X_OK) and candidate.is_file():
                yield candidate


class _RefusedError(Exception):
    """Why a candidate cannot be used."""


def find(program: str, host: Host) -> tuple[Tool | None, tuple[Unusable, ...]]:
    """The first program of this name that can run in a box, and those before it on the PATH that cannot."""
    refused: list[Unusable] = []
    for candidate in host.candidates(program):
        try:
            return _tool(program, candidate, host), tuple(refused)
        except _RefusedError as error:
            refused.append(Unusable(str(candidate), str(error)))
        except (OSError, ValueError) as error:
            refused.append(Unusable(str(candidate), f"cannot be read: {error}"))
    return None, tuple(refused)


def _tool(program: str, candidate: Path, host: Host) -> Tool:
    real = candidate.resolve(strict=True)
    _refuse_shims(candidate, real)
    package = node_packages.package_of(real)
    made = _native if elf.is_elf(real) else _script
    binds, links = made(program, real, host)
    version = package.version if package is not None else _version_in(real)
    return Tool(program, version, f"host's {candidate}", binds, links)


_Pairs: TypeAlias = tuple[tuple[str, str], ...]
_Parts: TypeAlias = tuple[_Pairs, _Pairs]
"""Binds and links."""


def _native(program: str, real: Path, host: Host) -> _Parts:
    """A single file, and for Codex the few that lie beside it."""
    _refuse_foreign_loader(real, host)
    if host.shows(real):
        return (), ((program, str(real)),)
    guest, root = f"{GUEST_TOOLS}/{program}", real.parent.parent
    if (root / "codex-package.json").is_file() and real == root / "bin/codex":
        binds = tuple((str(root / name), f"{guest}/{name}") for name in CODEX_TREE if (root / name).exists())
        return binds, ((program, f"{guest}/bin/codex"),)
    return ((str(real), f"{guest}/{real.name}"),), ((program, f"{guest}/{real.name}"),)


def _script(program: str, real: Path, host: Host) -> _Parts:
    """A script of Node or its kin, with its package and its interpreter; any script where the box sees both."""
    words = elf.shebang(real)
    interpreter = _interpreter_of(words)
    if not interpreter:
        raise _RefusedError("is neither a native program nor a script")
    if interpreter in _RUNTIMES:
        binds, links = _runtime(program, interpreter, words, host)
    elif host.shows(real):
        binds, links = (), ()
    else:
        raise _RefusedError(f"is a {interpreter} script, which may call on anything in the home")
    if host.shows(real):
        return binds, ((program, str(real)), *links)
    package_binds, guest = _package(program, real)
    return (*package_binds, *binds), ((program, guest), *links)


def _interpreter_of(words: Sequence[str]) -> str:
    """The name of the program that a shebang line calls."""
    if not words or Path(words[0]).name != "env":
        return Path(words[0]).name if words else ""
    return next((Path(word).name for word in words[1:] if not word.startswith("-") and "=" not in word), "")


def _runtime(program: str, interpreter: str, words: Sequence[str], host: Host) -> _Parts:
    """The interpreter's own file, which is all that a program needs of its installation."""
    if Path(words[0]).name != "env":
        if host.shows(Path(words[0]).resolve()):
            return (), ()
        raise _RefusedError(f"names its interpreter {words[0]}, which a box does not see")
    reason = "none is on the PATH"
    for candidate in host.candidates(interpreter):
        try:
            return _native_runtime(program, interpreter, candidate, host)
        except _RefusedError as error:
            reason = f"{candidate} {error}"
    raise _RefusedError(f"needs {interpreter}: {reason}")


def _native_runtime(program: str, interpreter: str, candidate: Path, host: Host) -> _Parts:
    real = candidate.resolve(strict=True)
    _refuse_shims(candidate, real)
    if not elf.is_elf(real):
        raise _RefusedError("is a script")
    binds, ((_, guest),) = _native(f"{program}-{interpreter}", real, host)
    return binds, ((interpreter, guest),)


def _package(program: str, real: Path) -> tuple[_Pairs, str]:
    """What must be bound of the package that the script is in, and the script's place in the box."""
    package = node_packages.package_of(real)
    if package is None:
        raise _RefusedError("is a script outside of any installed package (a linked checkout?)")
    guest = f"{GUEST_TOOLS}/{program}/{node_packages.MODULES}"
    names = (package.name, *node_packages.beside(package))
    binds = tuple((str(package.modules / name), f"{guest}/{name}") for name in names)
    return binds, f"{guest}/{real.relative_to(package.modules)}"


def _refuse_shims(candidate: Path, real: Path) -> None:
    if real.name in _LAUNCHERS and real.name != candidate.name:
        raise _RefusedError(f"is a shim of {real.name}, which looks for the program in the home")
    if "shims" in (candidate.parent.name, real.parent.name):
        raise _RefusedError("is a shim, which looks for the program in the home")


def _refuse_foreign_loader(real: Path, host: Host) -> None:
    loader = elf.loader(real)
    if loader is None:
        return
    if not Path(loader).exists():
        raise _RefusedError(f"needs the loader {loader}, which is not on this host")
    if not host.shows(Path(loader).resolve()):
        raise _RefusedError(f"needs the loader {loader}, which a box does not see")


def _version_in(real: Path) -> str:
    """The version that an installation's path tells, such as `.../versions/2.1.329`."""
    return next((found[1] for part in reversed(real.parts) if (found := _VERSION.search(part))), "")

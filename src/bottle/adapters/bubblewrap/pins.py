"""The releases of agent programs that bottle itself installs: version, address and SHA-512, by machine.

The image of a program installs the same: its Dockerfile's ARG lines are the one place that says which release.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from bottle.adapters.bubblewrap.tools import CODEX_TREE
from bottle.adapters.build_context import DOCKERFILE, sources
from bottle.domain.errors import ProvisionError

_ARGUMENT = re.compile(r"^ARG ([A-Z0-9_]+)=(\S+)$", re.MULTILINE)
_ARCHITECTURES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_GLIBC_LOADERS: Final = {"x64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
_TRIPLES: Final = {"x64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}


@frozen
class Release:
    """One archive of a package registry. `path` stands behind the registry's address. `members` are the files and
    directories that are wanted, below `root` in the archive; `entry` is the program among them."""

    program: str
    version: str
    path: str
    sha512: str
    root: str
    members: tuple[str, ...]
    entry: str


@frozen
class Machine:
    """What decides which of a release's archives runs: the architecture as npm calls it, and the C library."""

    architecture: str
    musl: bool

    @classmethod
    def of(cls, name: str, root: Path = Path("/")) -> "Machine":
        """From the kernel's name of the machine and the loaders that a system has."""
        architecture = _ARCHITECTURES.get(name, name)
        loader = _GLIBC_LOADERS.get(architecture, "")
        return cls(architecture, musl=not (root / loader.lstrip("/")).exists())


def version(program: str) -> str:
    """The version that bottle can install; empty where there is none."""
    recipe = _RECIPES.get(program)
    return recipe.pins().get(f"{recipe.prefix}_VERSION", "") if recipe else ""


def release(program: str, machine: Machine) -> Release:
    """The release for this machine. Raises ProvisionError where none is pinned."""
    recipe, number = _RECIPES.get(program), version(program)
    flavour = machine.architecture + ("-musl" if machine.musl and recipe and not recipe.is_static else "")
    sha512 = recipe.pins().get(f"{recipe.prefix}_SHA512_{flavour.upper().replace('-', '_')}") if recipe else None
    if recipe is None or not number or not sha512:
        raise ProvisionError(
            f"bottle has no release of {program} for linux-{flavour} to install",
            hint=f"install {program} on this host, so that it is found on the PATH",
        )
    words = {"version": number, "flavour": f"linux-{flavour}", "triple": _TRIPLES.get(machine.architecture, "")}
    path, root = recipe.path.format(**words), recipe.root.format(**words)
    return Release(program, number, path, sha512, root, recipe.members, recipe.entry)


@frozen
class _Recipe:
    """How to name a program's archives. `image` is the one whose Dockerfile pins it."""

    prefix: str
    path: str
    root: str
    members: tuple[str, ...]
    entry: str
    is_static: bool
    image: str

    def pins(self) -> Mapping[str, str]:
        try:
            text = (sources() / "images" / self.image / DOCKERFILE).read_text(encoding="utf-8")
        except OSError as error:
            raise ProvisionError(f"bottle is not installed whole: {error}", hint="install it anew") from error
        return dict(_ARGUMENT.findall(text))


_RECIPES: Final = {
    "claude": _Recipe(
        prefix="CLAUDE_CODE",
        path="@anthropic-ai/claude-code-{flavour}/-/claude-code-{flavour}-{version}.tgz",
        root="package",
        members=("claude", "LICENSE.md"),
        entry="claude",
        is_static=False,
        image="claude",
    ),
    "codex": _Recipe(
        prefix="CODEX",
        path="@openai/codex/-/codex-{version}-{flavour}.tgz",
        root="package/vendor/{triple}",
        members=CODEX_TREE,
        entry=CODEX_TREE[0],
        is_static=True,
        image="codex",
    ),
}

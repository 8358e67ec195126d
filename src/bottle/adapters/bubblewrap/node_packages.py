"""Programs that npm and its kin installed: which directory is the package, and what else it loads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

MODULES = "node_modules"
_LARGEST_MANIFEST = 1 << 20
_KINDS = ("dependencies", "optionalDependencies", "peerDependencies")


@frozen
class Package:
    """An installed package: its directory lies directly in `modules` (below a scope, where its name has one)."""

    name: str
    modules: Path
    version: str

    @property
    def directory(self) -> Path:
        return self.modules / self.name


def package_of(file: Path) -> Package | None:
    """The outermost package that an installed file belongs to, by its real path.

    None for what lies in no `node_modules`, such as a checkout that was linked there: it may hold anything.
    """
    found = [named for folder in file.parents if (named := _name_in_modules(folder))]
    if not found:
        return None
    name, modules = found[-1]
    return Package(name, modules, str(_manifest(modules / name).get("version", "")))


def beside(package: Package) -> tuple[str, ...]:
    """The names of the other packages in `modules` that this one loads, directly or through others, sorted."""
    needed: set[str] = set()
    seen = {package.directory}
    waiting = [package.directory]
    while waiting:
        for folder in _dependencies(waiting.pop(), package.modules):
            if folder in seen:
                continue
            seen.add(folder)
            waiting.append(folder)
            named = _name_in_modules(folder)
            if named is not None and named[1] == package.modules:
                needed.add(named[0])
    return tuple(sorted(needed))


def _dependencies(folder: Path, modules: Path) -> Iterator[Path]:
    """Where Node finds what the package in this folder depends on, no higher than `modules`."""
    manifest = _manifest(folder)
    for names in (manifest.get(kind) for kind in _KINDS):
        for name in names if isinstance(names, dict) else ():
            places = (
                parent / MODULES / name
                for parent in (folder, *folder.parents)
                if modules.parent in (parent, *parent.parents)
            )
            found = next((place for place in places if _is_package(name, place)), None)
            if found is not None:
                yield found


def _is_package(name: str, folder: Path) -> bool:
    """Whether it is a directory of this very place: a name or a link that leads out of it is not followed."""
    named = _name_in_modules(folder)
    return named is not None and named[0] == name and folder.is_dir() and folder.resolve() == folder


def _name_in_modules(folder: Path) -> tuple[str, Path] | None:
    """The package name of a directory in a `node_modules`, and that `node_modules`."""
    if folder.name.startswith((".", "@")):
        return None
    if folder.parent.name == MODULES:
        return folder.name, folder.parent
    scope = folder.parent
    if scope.name.startswith("@") and scope.parent.name == MODULES:
        return f"{scope.name}/{folder.name}", scope.parent
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        with (folder / "package.json").open("rb") as file:
            content = json.loads(file.read(_LARGEST_MANIFEST))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

"""Providers that bottle does not bring: from the operator's home, and from installed packages."""

import importlib.util
import inspect
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bottle.adapters.providers.guarded import GuardedProvider, guarded
from bottle.domain.errors import ManifestError
from bottle.domain.names import is_entity_name
from bottle.domain.provider import Provider
from bottle.plugin import AgentProvider

GROUP: Final = "bottle.providers"
FILE: Final = "agent_provider.py"
_DOCKERFILE: Final = "Dockerfile"


def of_user(template: str, contrib: Path) -> Provider | None:
    """The plugin below the operator's own directory; None where there is none. Raises ManifestError."""
    file = contrib / template / FILE
    if not is_entity_name(template) or not file.is_file():
        return None
    origin = str(file)
    module = guarded(lambda: _load(file, template), origin)
    dockerfile = file.with_name(_DOCKERFILE)
    made = guarded(_one_class(module, origin), origin)
    return GuardedProvider(template, origin, made, str(dockerfile) if dockerfile.is_file() else None)


def of_package(template: str, found: Iterable[EntryPoint] | None = None) -> Provider | None:
    """The plugin of an installed package. Raises ManifestError; two packages that claim one name are an error too."""
    claims = [point for point in (entry_points(group=GROUP) if found is None else found) if point.name == template]
    if not claims:
        return None
    origin = f"entry point {GROUP}: {template} = {claims[0].value}"
    if len({point.value for point in claims}) > 1:
        others = ", ".join(sorted(point.value for point in claims))
        raise ManifestError(f"two packages bring a provider called '{template}': {others}", hint="uninstall one")
    made = guarded(lambda: _instance(claims[0].load(), origin), origin)
    return GuardedProvider(template, origin, made)


def names(contrib: Path) -> Sequence[str]:
    """The plugins that there are, by name alone; none of them is imported."""
    own = (path.parent.name for path in contrib.glob(f"*/{FILE}"))
    installed = (point.name for point in entry_points(group=GROUP))
    return sorted({name for name in (*own, *installed) if is_entity_name(name)})


def _load(file: Path, template: str) -> ModuleType:
    """The module, under a name that no other has; its directory is not put on the path."""
    spec = importlib.util.spec_from_file_location(f"bottle_contrib_{template.replace('-', '_')}", file)
    assert spec is not None  # noqa: S101 - a .py file always has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _one_class(module: ModuleType, origin: str) -> "type[AgentProvider]":
    own = [
        thing
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, AgentProvider) and thing.__module__ == module.__name__
    ]
    leaves = [one for one in own if not any(other is not one and issubclass(other, one) for other in own)]
    if len(leaves) != 1:
        found = f"{len(leaves)} classes" if leaves else "no class"
        raise ManifestError(f"{origin}: {found} built on bottle.plugin.AgentProvider", hint="one is wanted")
    return leaves[0]


def _instance(loaded: Any, origin: str) -> Any:
    made = loaded() if inspect.isclass(loaded) else loaded
    if not callable(getattr(made, "provision", None)):
        raise ManifestError(f"{origin}: it has no provision(wish)", hint="build it on bottle.plugin.AgentProvider")
    return made

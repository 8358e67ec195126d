"""Manifests that are read when they are asked for, so that one broken file hinders nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from bottle.domain.errors import ManifestError

if TYPE_CHECKING:
    from bottle.domain.manifest import Agent, Bottle, Manifest

T = TypeVar("T")


class Lazy(Mapping[str, T]):
    """Values by name. The names are known at once; each value is read when it is looked at, and once."""

    def __init__(self, names: Sequence[str], read: Callable[[str], T]) -> None:
        self._names = tuple(names)
        self._read = read
        self._seen: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._seen:
            self._seen[name] = self._read(name)
        return self._seen[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def everything(bottles: Mapping[str, Bottle], agents: Mapping[str, Agent]) -> Manifest:
    """All of it, read and linked. Raises one ManifestError: the first, with every other one in its hint."""
    from bottle.domain.manifest import Manifest, chain_of

    manifest = Manifest(bottles=bottles, agents=agents)
    errors: dict[str, ManifestError] = {}
    for name in bottles:
        _note(errors, lambda name=name: chain_of(bottles, name))  # type: ignore[misc]
    for name in agents:
        _note(errors, lambda name=name: manifest.bottle_for(name))  # type: ignore[misc]
    if errors:
        raise _all_in_one(list(errors.values()))
    return Manifest(bottles=dict(bottles), agents=dict(agents))


def _note(errors: dict[str, ManifestError], attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except ManifestError as error:
        errors.setdefault(str(error), error)


def _all_in_one(errors: Sequence[ManifestError]) -> ManifestError:
    first, *others = errors
    lines = [first.hint or "", *(f"also: {other}" for other in others)]
    return ManifestError(str(first), hint="\n".join(line for line in lines if line) or None)

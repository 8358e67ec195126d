"""Manifests in memory, as strict as those in files: the same structure code reads them."""

from collections.abc import Mapping, Sequence

from bottle.adapters.manifests.lazy import Lazy, everything
from bottle.adapters.manifests.structure import agent_of, bottle_of, sections_of
from bottle.domain.manifest import Agent, Bottle, Manifest


class FakeManifests:
    """The port `Manifests` over plain values, in the form that `manifest_from_data` takes."""

    def __init__(self, data: Mapping[str, object], warnings: Sequence[str] = ()) -> None:
        self._sections = sections_of(data)
        self._warnings = tuple(warnings)

    def agent_names(self) -> Sequence[str]:
        return tuple(sorted(self._sections["agents"]))

    def load(self, agent: str) -> Manifest:
        bottles, agents = self._lazily()
        return Manifest(bottles=bottles, agents=agents).part_for(agent)

    def load_all(self) -> Manifest:
        return everything(*self._lazily())

    def warnings(self) -> Sequence[str]:
        return self._warnings

    def _lazily(self) -> tuple[Lazy[Bottle], Lazy[Agent]]:
        bottles, agents = self._sections["bottles"], self._sections["agents"]
        return (
            Lazy(sorted(bottles), lambda name: bottle_of(bottles[name], name)),
            Lazy(sorted(agents), lambda name: agent_of(agents[name], name)),
        )

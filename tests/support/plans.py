"""Plans of small made-up manifests."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.manifest import (
    Agent,
    AgentProvider,
    Auth,
    Bottle,
    Manifest,
    ManifestRoute,
)
from bottle.domain.plan import BottlePlan, Image, Wall
from bottle.domain.planning import HostFacts, StartRequest, resolve
from bottle.domain.provider import Provision, Report, Wish, plain_report

PROXY = Authority("egress", 8888)
FACTS = HostFacts("docker", (Wall("network", "internal"),), PROXY, Image("agent:1"), Image("sidecar:1"))
REQUEST = StartRequest("helper", "helper-abc12", skills_root="/home/sam/.claude/skills")
BOTTLE = Bottle("dev", agent_provider=AgentProvider("test"))
AGENT = Agent("helper", "dev")
NOTHING = Provision(argv=("agent",))


@frozen
class StubProvider:
    """Provides what it is told to, whatever it is asked."""

    provides: Provision = NOTHING
    template: str = "test"
    image: str = "test"
    dockerfile: str | None = None

    def provision(self, wish: Wish) -> Provision:
        return evolve(self.provides, argv=(*self.provides.argv, *wish.arguments))

    def report(self, output: bytes) -> Report:
        return plain_report(output)


def plan(
    *,
    bottle: Mapping[str, Any] | None = None,
    agent: Mapping[str, Any] | None = None,
    provides: Provision = NOTHING,
    request: StartRequest = REQUEST,
    secrets: frozenset[str] = frozenset(),
    notes: tuple[str, ...] = (),
) -> BottlePlan:
    manifest = Manifest({"dev": evolve(BOTTLE, **(bottle or {}))}, {"helper": evolve(AGENT, **(agent or {}))})
    return resolve(request, manifest, StubProvider(provides), evolve(FACTS, secrets=secrets, notes=notes))


def route(host: str = "api.test", token_ref: str | None = None, **more: Any) -> ManifestRoute:
    return ManifestRoute(HostPattern(host), auth=Auth(token_ref) if token_ref else None, **more)

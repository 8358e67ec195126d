"""What tries a provider plugin out: a plan as a start would make it, on a host that is made up."""

from collections.abc import Mapping

from bottle.adapters.fake.manifests import FakeManifests
from bottle.adapters.providers.guarded import GuardedProvider
from bottle.domain.hosts import Authority
from bottle.domain.plan import BottlePlan, Image
from bottle.domain.planning import HostFacts, StartRequest, resolve
from bottle.plugin import AgentProvider

_NAME = "plugin"


def plan_of(
    provider: AgentProvider,
    *,
    bottle: Mapping[str, object] | None = None,
    prompt: str = "",
    arguments: tuple[str, ...] = (),
    secrets: frozenset[str] = frozenset(),
) -> BottlePlan:
    """The plan of a bottle whose agent is this provider's.

    `bottle` has the manifest's keys (`egress`, `env`, ...), `secrets` names the host variables that count as set.
    Raises ManifestError as a start would, for a provision that is not whole too.
    """
    manifest = FakeManifests(
        {
            "bottles": {_NAME: {"agent_provider": {"template": _NAME}, **(bottle or {})}},
            "agents": {_NAME: {"bottle": _NAME, "prompt": prompt}},
        }
    ).load(_NAME)
    facts = HostFacts("docker", (), Authority("egress", 8888), Image("plugin:1"), Image("sidecar:1"), secrets=secrets)
    request = StartRequest(_NAME, f"{_NAME}-00000", arguments=arguments)
    return resolve(request, manifest, GuardedProvider(_NAME, type(provider).__name__, provider), facts)

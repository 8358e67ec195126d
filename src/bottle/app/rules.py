"""The rules for secrets: those that bottle brings along, and what a bottle says about them."""

from collections.abc import Sequence

from attrs import frozen

from bottle.app.ports import World
from bottle.domain.dlp.settings import KnownRule, Scanning, Silence

OWN = "own"
"""The family of the operator's own rules."""


@frozen
class ListedRule:
    """A rule, and where it is silent."""

    rule: KnownRule
    silences: tuple[Silence, ...] = ()


def listed(world: World, agent: str | None = None) -> Sequence[ListedRule]:
    """All rules; with those of an agent's bottle and its silences where one is named.

    Raises NotFoundError and ManifestError for the agent, ProvisionError where the rules cannot be read.
    """
    scanning = world.manifests.load(agent).bottle_for(agent).scanning if agent is not None else Scanning()
    own = [KnownRule(rule.name, OWN, rule.finds or rule.pattern) for rule in scanning.rules]
    return [
        ListedRule(rule, tuple(silence for silence in scanning.silences if silence.rule == rule.name))
        for rule in (*world.known_rules(), *own)
    ]

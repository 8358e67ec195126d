"""`egress.dlp`: rules for secrets beside those brought along, where a rule is silent, and what is no secret."""

import re
from typing import Final

from bottle.adapters.manifests.keys.egress import DLP, EGRESS, RULE, SILENCE
from bottle.adapters.manifests.nodes import Node, Scalar
from bottle.adapters.manifests.reading import distinct, entity, items, optional, some, table, text
from bottle.adapters.manifests.routes import host, path
from bottle.domain.dlp.finding import FINGERPRINT
from bottle.domain.dlp.settings import OwnRule, Scanning, Silence

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*\Z")
_MOST_ENTROPY: Final = 8


def scanning(node: Node) -> Scanning | None:
    """The `dlp` of the value of `egress`."""
    dlp = table(node, EGRESS).get("dlp")
    if dlp is None:
        return None
    section = table(dlp, DLP)
    nothing: tuple[OwnRule, ...] = ()
    rules = optional(section, "rules", _rules, nothing)
    names = [rule.name for rule in rules]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise dlp.error(f"two rules are called '{repeated}'", hint="a silence could mean either: name them apart")
    silences: tuple[Silence, ...] = optional(section, "silence", _silences, ())
    return Scanning(rules, silences, optional(section, "approved", _fingerprints, ()))


def _rules(node: Node) -> tuple[OwnRule, ...]:
    return distinct(items(node, "rules"), _rule)


def _silences(node: Node) -> tuple[Silence, ...]:
    return distinct(items(node, "silences"), _silence)


def _rule(node: Node) -> OwnRule:
    entry = table(node, RULE)
    return OwnRule(
        name=entity(entry.need("name", "acme-token")),
        pattern=text(entry.need("pattern", "'acme_[a-z0-9]{32}'")),
        finds=optional(entry, "finds", text, ""),
        keywords=optional(entry, "keywords", _keywords, ()),
        entropy=optional(entry, "entropy", _entropy, 0.0),
    )


def _keywords(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "words", "a pattern that needs none"), lambda word: text(word).lower())


def _entropy(node: Node) -> float:
    if not isinstance(node, Scalar) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise node.wanted("a number")
    if not 0 <= node.value <= _MOST_ENTROPY:
        raise node.error("is no entropy", hint=f"bits a byte, from 0 to {_MOST_ENTROPY}; hexadecimal has at most 4")
    return float(node.value)


def _silence(node: Node) -> Silence:
    entry = table(node, SILENCE)
    return Silence(
        rule=_named(entry.need("rule", "kingfisher.aws.2")),
        host=optional(entry, "host", host, None),
        path=optional(entry, "path", path, ""),
    )


def _fingerprints(node: Node) -> tuple[str, ...]:
    return distinct(items(node, "fingerprints"), _fingerprint)


def _fingerprint(node: Node) -> str:
    value = text(node)
    if FINGERPRINT.match(value) is None:
        raise node.error("is no fingerprint of a finding", hint="a refusal names it: 16 hexadecimal digits")
    return value


def _named(node: Node) -> str:
    name = text(node).removeprefix("dlp.")  # as a refusal has it
    if _NAME.match(name) is None:
        raise node.error("is no rule's name", hint="`bottle rules` lists them")
    return name

"""gitleaks' rules, from its own file of them (config/gitleaks.toml, which its program carries within)."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from sidecars.scanner.patterns.dialect import re2_pattern
from sidecars.scanner.patterns.rule import Excuse, Rule

FAMILY: Final = "gitleaks"
_TARGETS: Final = {"": "secret", "secret": "secret", "match": "match", "line": "line"}
REPLACED: Final = frozenset({"generic-api-key"})
"""Rules that block what developers send all day; `keyed.RULES` does their work."""


def read(text: str) -> tuple[Rule, ...]:
    """The rules about content; those about file names alone have no use here."""
    config = tomllib.loads(text)
    everywhere = _excuses([config.get("allowlist", {}), *config.get("allowlists", [])])
    return tuple(
        _rule(entry, everywhere) for entry in config["rules"] if "regex" in entry and entry["id"] not in REPLACED
    )


def _rule(entry: Mapping[str, Any], everywhere: tuple[Excuse, ...]) -> Rule:
    return Rule(
        name=entry["id"],
        family=FAMILY,
        finds=entry["description"],
        pattern=re2_pattern(entry["regex"]),
        group=entry.get("secretGroup", 0),
        keywords=tuple(keyword.lower() for keyword in entry.get("keywords", ())),
        entropy=float(entry.get("entropy", 0.0)),
        excuses=_excuses(entry.get("allowlists", [])) + everywhere,
    )


def _excuses(lists: list[Mapping[str, Any]]) -> tuple[Excuse, ...]:
    """Allowlists. What holds for certain files only excuses nothing in a stream that has no file names."""
    return tuple(
        Excuse(
            target=_TARGETS[entry.get("regexTarget", "")],
            patterns=tuple(re2_pattern(pattern) for pattern in entry.get("regexes", ())),
            words=tuple(word.lower() for word in entry.get("stopwords", ())),
        )
        for entry in lists
        if entry.get("condition", "OR") not in {"AND", "&&"} and (entry.get("regexes") or entry.get("stopwords"))
    )

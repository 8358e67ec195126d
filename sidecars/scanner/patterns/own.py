"""The rules as one bottle has them: the compiled ones, and the operator's own beside them."""

from difflib import get_close_matches
from typing import Final

from bottle.domain.dlp.settings import OwnRule, Scanning
from bottle.domain.strict_json import ConfigError
from sidecars.scanner.patterns.engine import InvalidPatternError, Patterns, check
from sidecars.scanner.patterns.rule import Rule

FAMILY: Final = "own"


def with_own(patterns: Patterns, scanning: Scanning) -> Patterns:
    """The patterns with the operator's rules. Raises ConfigError for a rule that is none, and a silence of no rule."""
    names = [rule.name for rule in patterns.rules]
    if taken := next((rule.name for rule in scanning.rules if rule.name in names), None):
        raise ConfigError(f"egress.dlp.rules: bottle has a rule '{taken}' already; another name belongs here")
    names += [rule.name for rule in scanning.rules]
    for silence in scanning.silences:
        if silence.rule not in names:
            near = get_close_matches(silence.rule, names, n=1)
            raise ConfigError(
                f"egress.dlp.silence: no rule is called '{silence.rule}'"
                + (f"; did you mean '{near[0]}'?" if near else "; `bottle rules` lists them")
            )
    return patterns.beside([_rule(own) for own in scanning.rules]) if scanning.rules else patterns


def _rule(own: OwnRule) -> Rule:
    rule = Rule(own.name, FAMILY, own.finds, own.pattern, keywords=own.keywords, entropy=own.entropy)
    try:
        check(rule)
    except InvalidPatternError as error:
        raise ConfigError(f"egress.dlp.rules: '{own.name}' has a pattern that is none: {error}") from None
    return rule

"""The rules for secrets that the gate itself applies, behind encodings: those of gitleaks, and the operator's own.

Kingfisher's rules and bottle's own go by a word and what stands beside it for a good part. That is right for what an
agent sends, and wrong for repositories, which are full of examples and of tests.
"""

from bottle.domain.dlp.matching import Matcher, NoPatterns, Quiet
from bottle.domain.gitgate_config import GateStart
from sidecars.scanner.patterned import patterns_in
from sidecars.scanner.patterns import gitleaks, own

# gitleaks applies these to certain files alone, which it is told the kind of.
_BY_FILE = frozenset(
    {"freemius-secret-key", "hashicorp-tf-password", "kubernetes-secret-yaml", "nuget-config-password", "pkcs12-file"}
)


def patterns_of(start: GateStart) -> Matcher:
    """The rules that a start names; none where it names no directory of them. Raises ConfigError."""
    compiled = patterns_in(start.patterns)
    if compiled is None:
        return NoPatterns()
    patterns = own.with_own(compiled, start.scanning)
    return Quiet(patterns, frozenset(rule.name for rule in patterns.rules if not _counts(rule.family, rule.name)))


def _counts(family: str, name: str) -> bool:
    return family == own.FAMILY or (family == gitleaks.FAMILY and name not in _BY_FILE)

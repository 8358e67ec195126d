"""Settings and findings of the scanner as JSON-able data, read as strictly as the rest."""

import re
from typing import Final

from bottle.domain.dlp.finding import FINGERPRINT, Finding
from bottle.domain.dlp.settings import OwnRule, Scanning, Silence
from bottle.domain.strict_json import (
    ConfigError,
    JsonObject,
    read_host,
    read_integer,
    read_matching,
    read_object,
    read_optional,
    read_text,
    read_tuple,
)

_RULE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}\Z")
_MOST_ENTROPY: Final = 8


def scanning_document(scanning: Scanning) -> JsonObject:
    """The settings as JSON-able data."""
    silences = [
        {"rule": silence.rule, "host": silence.host and silence.host.text, "path": silence.path}
        for silence in scanning.silences
    ]
    rules = [
        {
            "name": rule.name,
            "pattern": rule.pattern,
            "finds": rule.finds,
            "keywords": list(rule.keywords),
            "entropy": rule.entropy,
        }
        for rule in scanning.rules
    ]
    return {"rules": rules, "silences": silences, "approved": list(scanning.approved)}


def read_scanning(data: object, where: str) -> Scanning:
    """The settings that `scanning_document` wrote; raises ConfigError."""
    fields = read_object(data, where, (), ("rules", "silences", "approved"))
    return Scanning(
        rules=read_tuple(fields.get("rules", []), f"{where}.rules", _own_rule),
        silences=read_tuple(fields.get("silences", []), f"{where}.silences", _silence),
        approved=read_tuple(fields.get("approved", []), f"{where}.approved", _fingerprint),
    )


def finding_document(finding: Finding) -> JsonObject:
    """A finding as JSON-able data."""
    return {
        "rule": finding.rule,
        "what": finding.what,
        "place": finding.place,
        "offset": finding.offset,
        "via": list(finding.via),
        "fingerprint": finding.fingerprint,
    }


def read_finding(data: object, where: str) -> Finding:
    """The finding that `finding_document` wrote; raises ConfigError."""
    fields = read_object(data, where, ("rule", "what", "place", "offset", "via", "fingerprint"), ())
    return Finding(
        rule=read_text(fields["rule"], f"{where}.rule"),
        what=read_text(fields["what"], f"{where}.what"),
        place=read_text(fields["place"], f"{where}.place", empty=True),
        offset=read_integer(fields["offset"], f"{where}.offset", 0, 2**63),
        via=read_tuple(fields["via"], f"{where}.via", read_text),
        fingerprint=read_text(fields["fingerprint"], f"{where}.fingerprint", empty=True),
    )


def _own_rule(data: object, where: str) -> OwnRule:
    fields = read_object(data, where, ("name", "pattern"), ("finds", "keywords", "entropy"))
    entropy = fields.get("entropy", 0.0)
    if isinstance(entropy, bool) or not isinstance(entropy, int | float) or not 0 <= entropy <= _MOST_ENTROPY:
        raise ConfigError(f"{where}.entropy: a number from 0 to {_MOST_ENTROPY} belongs here")
    return OwnRule(
        name=read_matching(fields["name"], f"{where}.name", _RULE, "the name of a rule"),
        pattern=read_text(fields["pattern"], f"{where}.pattern"),
        finds=read_text(fields.get("finds", ""), f"{where}.finds", empty=True),
        keywords=read_tuple(fields.get("keywords", []), f"{where}.keywords", read_text),
        entropy=float(entropy),
    )


def _silence(data: object, where: str) -> Silence:
    fields = read_object(data, where, ("rule",), ("host", "path"))
    return Silence(
        rule=read_matching(fields["rule"], f"{where}.rule", _RULE, "the name of a rule"),
        host=read_optional(fields.get("host"), f"{where}.host", read_host),
        path=_path(fields.get("path", ""), f"{where}.path"),
    )


def _fingerprint(data: object, where: str) -> str:
    return read_matching(data, where, FINGERPRINT, "a fingerprint")


def _path(data: object, where: str) -> str:
    path = read_text(data, where, empty=True)
    if path and not path.startswith("/"):
        raise ConfigError(f"{where}: a path that opens with `/` belongs here, or nothing")
    return path

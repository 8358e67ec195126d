"""What the way out is told of secret patterns: `settings.Scanning` as JSON-able data, read as strictly as the rest."""

import re
from typing import Final

from bottle.domain.dlp.finding import FINGERPRINT
from bottle.domain.dlp.settings import OwnRule, Scanning, Silence
from bottle.domain.strict_json import (
    ConfigError,
    JsonObject,
    read_host,
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

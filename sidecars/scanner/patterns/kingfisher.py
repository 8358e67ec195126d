"""Kingfisher's rules, as its program lists them (`kingfisher rules list --format json`)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sidecars.scanner.patterns.dialect import re2_pattern
from sidecars.scanner.patterns.rule import Excuse, Rule

FAMILY: Final = "kingfisher"
_GROUP: Final = re.compile(r"\\.|\((?P<plain>(?!\?))|\(\?P<(?P<name>\w+)>", re.DOTALL)
_SECRET_GROUPS: Final = ("TOKEN", "secret", "SECRET", "password", "PRIVATE_KEY", "TOKEN_SECRET")
_LEAST_ENTROPY: Final = 2.0
"""Kingfisher's own thresholds are not in the list; this one tells values from `xxxxxxxx` and `12121212`."""


UNUSED: Final = frozenset({"kingfisher.travisci.2", "kingfisher.zerotier.1"})
"""What is encrypted already, and any 32 letters near `zt`."""
_STRICT: Final = frozenset({"kingfisher.aws.2", "kingfisher.circleci.2", "kingfisher.unkey.2"})
"""Any forty characters near `aws`, or any word behind `key_`: these must look drawn by chance."""
_KEYWORDS: Final = {"kingfisher.auth.1": ("authorization",)}
"""`Basic` begins sentences too."""
_EXCUSES: Final = {
    "kingfisher.uri.1": (
        Excuse("match", (r"(?i)://[^:/@]+:(?:p|pw|pass|passwd|password|pwd|x+)@", r"(?i)@(?:[\w.-]+\.)?example\.")),
    ),
}
"""Addresses as manuals write them."""


def read(text: str) -> tuple[Rule, ...]:
    """The rules that report. Those marked invisible find user names and addresses that others need."""
    return tuple(_rule(entry) for entry in json.loads(text) if entry["visible"] and entry["id"] not in UNUSED)


def _rule(entry: Mapping[str, Any]) -> Rule:
    pattern = re2_pattern(entry["pattern"])
    return Rule(
        name=entry["id"],
        family=FAMILY,
        finds=entry["name"],
        pattern=pattern,
        group=_secret_group(pattern),
        keywords=_KEYWORDS.get(entry["id"], ()),
        entropy=_LEAST_ENTROPY,
        excuses=_EXCUSES.get(entry["id"], ()),
        strict=entry["id"] in _STRICT,
    )


def _secret_group(pattern: str) -> int:
    """The number of the group that is named as the secret; 0 when none is."""
    groups = [found["name"] for found in _GROUP.finditer(pattern) if found["name"] or found["plain"] is not None]
    return next((groups.index(name) + 1 for name in _SECRET_GROUPS if name in groups), 0)

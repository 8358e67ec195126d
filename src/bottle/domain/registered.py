"""Which values must not leave a bottle: what it withholds, and what it was given."""

import base64
import binascii
from collections.abc import Mapping

from bottle.domain.dlp.spellings import Registered
from bottle.domain.egress import Injection, Policy


def parts_of(inject: Injection, secret: str) -> list[bytes]:
    """What must not come back: the value, and of a value for Basic what it packs (RFC 7617 2)."""
    value = secret.encode("ascii")
    if inject.scheme.lower() != "basic":
        return [value]
    try:
        unpacked = base64.b64decode(value, validate=True)
    except binascii.Error:
        return [value]
    return [value, unpacked, unpacked.partition(b":")[2]]


def registered(policy: Policy, secrets: Mapping[str, str], given: Mapping[str, str]) -> tuple[Registered, ...]:
    """The values that must not leave, under names that a person knows."""
    injections = [(route.name, route.inject) for route in policy.routes if route.inject is not None]
    values = [
        Registered(f"the credential of {name}", part)
        for name, inject in injections
        if inject.slot in secrets
        for part in parts_of(inject, secrets[inject.slot])
    ]
    return (*values, *(Registered(name, value.encode()) for name, value in given.items()))

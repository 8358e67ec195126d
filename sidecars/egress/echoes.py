"""What must not come back from a host: the credentials of all its routes.

A host that was given a credential under one path may show it under another: in a list of the last requests, say.
"""

from collections.abc import Iterable, Mapping

from attrs import define, field

from bottle.domain.egress import Route
from bottle.domain.hosts import HostPattern
from bottle.domain.registered import parts_of
from bottle.domain.secret_forms import SecretForms, Sieve, expressions
from sidecars.egress.sieve import sieve_of


@define(eq=False)
class Echoes:
    """The forms of credentials, by the hosts that know them."""

    _slots: list[tuple[HostPattern, str]]
    _parts: Mapping[str, Iterable[bytes]] = field(repr=False)
    _sieve: Sieve | None = field(repr=False)
    _forms: dict[frozenset[str], SecretForms | None] = field(factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, routes: Iterable[Route], secrets: Mapping[str, str]) -> "Echoes":
        """For the secrets that the routes put in, by slot."""
        injected = [(route.host, route.inject) for route in routes if route.inject and route.inject.slot in secrets]
        parts: dict[str, dict[bytes, None]] = {}  # one secret may be put in in two ways, each with parts of its own
        for _, inject in injected:
            parts.setdefault(inject.slot, {}).update(dict.fromkeys(parts_of(inject, secrets[inject.slot])))
        sieve = sieve_of(expressions(value for values in parts.values() for value in values)) if parts else None
        return cls([(host, inject.slot) for host, inject in injected], parts, sieve)

    def at(self, host: str) -> SecretForms | None:
        """What must not come back from this host; None where there is nothing to look for."""
        slots = frozenset(slot for pattern, slot in self._slots if pattern.matches(host))
        if slots not in self._forms:
            values = [value for slot in sorted(slots) for value in self._parts[slot]]
            self._forms[slots] = SecretForms(values, self._sieve) or None
        return self._forms[slots]

    def warm_up(self) -> None:
        """Does what the first request would wait for. From any thread."""
        for pattern, _ in self._slots:
            forms = self.at(pattern.text.replace("*", "any"))
            if forms is not None:
                forms.spans(b"word")

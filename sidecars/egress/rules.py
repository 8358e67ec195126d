"""One policy with everything that belongs to it, swapped as a whole when it is replaced.

A request is judged by the one Rules object that it met; whatever it needs later (credential, connections to reuse)
comes from the same object, so a reload in the middle can never mix two policies.
"""

import math
import ssl
import time
from collections.abc import Callable, Iterable

from attrs import define, evolve, field, frozen

from bottle.domain.dlp.matching import Matcher, NoPatterns
from bottle.domain.dlp.settings import Scanning
from bottle.domain.egress import Grant, Policy, Request, Route, Scheme, Verdict, decide, decide_tunnel
from bottle.domain.egress_config import EgressReload, Leaf
from bottle.domain.headers import folded, is_credential_header
from bottle.domain.hosts import Authority, bracketed
from bottle.domain.registered import registered
from bottle.domain.secret_forms import SecretForms
from bottle.domain.strict_json import ConfigError
from bottle.domain.targets import ASTERISK, InvalidTargetError, parse_target
from sidecars.egress import limits
from sidecars.egress.echoes import Echoes
from sidecars.egress.refusal import Refusal, of_verdict, refused
from sidecars.egress.tls import leaf_context
from sidecars.egress.upstream import Bucket, Pool
from sidecars.egress.writing import header_line, request_start
from sidecars.scanner.guard import Guard
from sidecars.scanner.patterns.engine import Patterns
from sidecars.scanner.patterns.own import with_own

_DEFAULT_PORTS = {"https": 443, "http": 80}


def since_boot() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@frozen(eq=False)
class Ticket:
    """A request that may go: how it is sent, where, and with which credential. `forms` of what the host knows must not
    come back."""

    request: Request
    route: Route
    verdict: Verdict
    start: bytes
    injected: bytes = field(repr=False)
    replaced: bytes | None
    forms: SecretForms | None = field(repr=False)
    bucket: Bucket = field(repr=False)
    silent: frozenset[str] = frozenset()
    """The rules for secrets that find nothing in it."""
    facts: list[str] = field(factory=list, repr=False)
    """The trail's text for this ticket, made once."""


@define(eq=False)
class Rules:
    """A policy, its secrets by slot, and a TLS context for each host pattern that it terminates.

    `spent` names the grants for one request that had theirs; `clock` tells seconds since the epoch, `steady` those of a
    clock that nobody sets. A grant for some minutes ends by whichever comes first: a time of day that is set back
    prolongs none. `ends` are the ends of those that were ever seen, by `steady`.
    """

    policy: Policy
    secrets: dict[str, str] = field(repr=False)
    given: dict[str, str] = field(repr=False)
    guard: Guard = field(repr=False)
    patterns: Patterns | None = field(repr=False)
    contexts: dict[str, ssl.SSLContext] = field(repr=False)
    _leaves: dict[str, Leaf] = field(repr=False)
    spent: frozenset[str] = frozenset()
    ends: dict[Grant, float] = field(factory=dict, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    steady: Callable[[], float] = field(default=since_boot, repr=False)
    _lapses_at: float = field(init=False, repr=False)
    _ends_at: float = field(init=False, repr=False)
    pool: Pool = field(factory=Pool, init=False, repr=False)
    _remembered: dict[tuple[str, str, int, str, str], Ticket] = field(factory=dict, init=False, repr=False)
    _quiet: dict[frozenset[str], Guard] = field(factory=dict, init=False, repr=False)
    _echoes: Echoes = field(init=False, repr=False)

    @_echoes.default
    def _echoes_of_all(self) -> Echoes:
        return Echoes.of(self.policy.routes, self.secrets)

    def __attrs_post_init__(self) -> None:
        for grant in self._timed():
            self.ends.setdefault(grant, self.steady() + (grant.until or 0.0) - self.clock())
        self._keep(route for route in self.policy.routes if route.grant is None or route.grant.id not in self.spent)

    def warm_up(self) -> None:
        """Does what the first request would wait for. From any thread."""
        self.guard.warm_up()
        self._echoes.warm_up()

    @property
    def withheld(self) -> list[str]:
        """What must stand in no line of the trail."""
        return [*self.secrets.values(), *self.given.values()]

    def judge(self, scheme: Scheme, authority: Authority, method: str, target: str) -> Ticket:
        """The ticket for a request that will be made; raises Refused. Equal requests get the same ticket, judged once.

        A grant for one request is spent by this, whatever comes of the request.
        """
        if self._lapses_at < math.inf:
            self._forget_lapsed()
        key = (scheme, authority.host, authority.port, method, target)
        ticket = self._remembered.get(key)
        if ticket is None:
            ticket = self._judge(scheme, authority, method, target)
            if len(target) <= limits.REMEMBERED_TARGET:
                if len(self._remembered) >= limits.REMEMBERED_VERDICTS:
                    self._remembered.clear()
                self._remembered[key] = ticket
        grant = ticket.route.grant
        if grant is not None and grant.once:
            self.spent |= {grant.id}
            self._keep(route for route in self.policy.routes if route.grant != grant)
        return ticket

    def guard_for(self, ticket: Ticket) -> Guard:
        """What looks for secrets in this request."""
        if not ticket.silent:
            return self.guard
        if ticket.silent not in self._quiet:
            self._quiet[ticket.silent] = self.guard.quiet(ticket.silent)
        return self._quiet[ticket.silent]

    def judge_tunnel(self, authority: Authority) -> Verdict:
        """Whether a TLS connection to this host and port may be opened at all."""
        self._forget_lapsed()
        return decide_tunnel(self.policy, authority)

    def _forget_lapsed(self) -> None:
        now, steady = self.clock(), self.steady()
        if now >= self._lapses_at or steady >= self._ends_at:
            over = {grant for grant in self._timed() if grant.has_lapsed(now) or steady >= self.ends[grant]}
            self._keep(route for route in self.policy.routes if route.grant not in over)

    def _timed(self) -> Iterable[Grant]:
        """The grants that a time ends."""
        grants = (route.grant for route in self.policy.routes)
        return (grant for grant in grants if grant is not None and grant.until is not None)

    def _keep(self, routes: Iterable[Route]) -> None:
        """Judges by these routes from now on."""
        self.policy = evolve(self.policy, routes=tuple(routes))
        self._remembered.clear()
        timed = list(self._timed())
        self._lapses_at = min((grant.until or 0.0 for grant in timed), default=math.inf)
        self._ends_at = min((self.ends[grant] for grant in timed), default=math.inf)

    def _judge(self, scheme: Scheme, authority: Authority, method: str, text: str) -> Ticket:
        try:
            target = ASTERISK if text == "*" and method == "OPTIONS" else parse_target(text)
        except InvalidTargetError as error:
            raise refused(400, "target.ambiguous", str(error)) from None
        request = Request(scheme, authority, method, target)
        verdict = decide(self.policy, request)
        if not verdict.allowed or verdict.route is None:
            raise refused_by(of_verdict(verdict))
        injected, forms = self._credential(verdict.route), self._echoes.at(authority.host)
        port = "" if authority.port == _DEFAULT_PORTS[scheme] else f":{authority.port}"
        host = f"{bracketed(authority.host)}{port}".encode("ascii")
        route = verdict.route
        bucket = self.pool.bucket(route, authority)
        start = request_start(method, str(target), host)
        silent = self.policy.scanning.silent(authority.host, target)
        return Ticket(request, route, verdict, start, injected, _replaced(route), forms, bucket, silent)

    def _credential(self, route: Route) -> bytes:
        """The header line that the route adds. Without the value nothing is sent."""
        inject = route.inject
        if inject is None or route.scheme != "https":
            return b""
        secret = self.secrets.get(inject.slot)
        if secret is None:
            reason = f"the credential of {route.name} is not at hand (slot {inject.slot})"
            raise refused(403, "secret.missing", reason, "start the bottle with the credential set")
        name = b"-".join(part.capitalize() for part in inject.header.encode("ascii").split(b"-"))
        return header_line(name, inject.header_value(secret).encode("ascii"))


def _replaced(route: Route) -> bytes | None:
    """The agent's header that gives way to the injected one, where it is not removed as a credential anyway."""
    if route.inject is None or is_credential_header(route.inject.header):
        return None
    return folded(route.inject.header).encode("ascii")


def refuse_second_place(ticket: Ticket, header: str) -> None:
    """Raises Refused for a header that names a place besides the target, where the route's paths are limited."""
    name = ticket.route.name
    if header and ticket.route.paths:
        reason = f"the header {header} names a second place, which the paths of {name} cannot be held against"
        raise refused(403, "path.two-places", reason, f"{name} without `paths`")


def refused_by(refusal: Refusal) -> Exception:
    return refused(refusal.status, refusal.rule, refusal.reason, refusal.ask)


def build(
    reload: EgressReload, standing: Rules | None = None, *, key: bytes = b"", patterns: Patterns | None = None
) -> Rules:
    """The rules of a document, on top of what stands: secrets and leaves join by slot and host, what is not named goes.
    `key` makes the fingerprints of what is found, and `patterns` find it, as long as these rules and their successors
    stand.

    Raises ConfigError, and nothing has changed.
    """
    slots = {route.inject.slot for route in reload.policy.routes if route.inject is not None}
    hosts = {route.host.text for route in reload.policy.routes if route.scheme == "https"}
    secrets = {**(standing.secrets if standing else {}), **reload.secrets}
    old_leaves = standing._leaves if standing else {}  # noqa: SLF001 - the same class, one object later
    leaves = {**old_leaves, **{leaf.host.text: leaf for leaf in reload.leaves}}
    leaves = {host: leaf for host, leaf in leaves.items() if host in hosts}
    contexts: dict[str, ssl.SSLContext] = {}
    for host, leaf in leaves.items():
        kept = standing is not None and old_leaves.get(host) == leaf
        contexts[host] = standing.contexts[host] if standing is not None and kept else leaf_context(leaf)
    _every_host_has_a_leaf(reload.policy, contexts)
    held = {slot: secrets[slot] for slot in slots & set(secrets)}
    given = {**(standing.given if standing else {}), **reload.given}
    values = registered(reload.policy, held, given)
    spent, ends = (standing.spent, dict(standing.ends)) if standing else (frozenset[str](), dict[Grant, float]())
    patterns = standing.patterns if standing else patterns
    matcher = _matcher(reload.policy, standing, patterns)
    approved = reload.policy.scanning.approved
    guard = standing.guard.renewed(values, matcher, approved) if standing else Guard.of(values, key, matcher, approved)
    return Rules(reload.policy, held, given, guard, patterns, contexts, leaves, spent, ends)


def _matcher(policy: Policy, standing: Rules | None, patterns: Patterns | None) -> Matcher:
    """The patterns as the policy wants them; the standing ones where it wants nothing else. Raises ConfigError."""
    if standing is not None and _looks_for(standing.policy) == _looks_for(policy):
        return standing.guard.engine.patterns
    return with_own(patterns, policy.scanning) if patterns is not None else NoPatterns()


def _looks_for(policy: Policy) -> Scanning:
    """The settings that the patterns are made by."""
    return evolve(policy.scanning, approved=())


def _every_host_has_a_leaf(policy: Policy, contexts: dict[str, ssl.SSLContext]) -> None:
    for route in policy.routes:
        if route.scheme == "https" and not route.is_tunnel and route.host.text not in contexts:
            raise ConfigError(f"leaves: there is none for {route.host.text}")

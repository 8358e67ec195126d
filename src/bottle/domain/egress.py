"""What may leave a bottle: routes, the policy that they make up, and the verdict on each request.

The same `decide` answers the proxy, `bottle explain`, the preflight and the tests. Nothing here raises, whatever the
values.
"""

import re
from collections.abc import Iterable
from typing import Literal

from attrs import evolve, field, frozen

from bottle.domain.addresses import IPNetwork, covers, kind_of
from bottle.domain.dlp.settings import Scanning
from bottle.domain.headers import CREDENTIAL_HEADERS as CREDENTIAL_HEADERS
from bottle.domain.headers import folded, is_credential_header
from bottle.domain.hosts import Authority, HostPattern, IPAddress
from bottle.domain.targets import ASTERISK, Target, path_allows, query_pairs

Scheme = Literal["https", "http"]

_PUSH = "git-receive-pack"
_PUSH_SEGMENT = re.compile(rf"(?:\A|[/?]) *{_PUSH} *(?:[/?#;&]|\Z)")
_METHOD = re.compile(r"[A-Z]+(?:-[A-Z]+)*\Z")
_LONGEST_METHOD = 32
# CONNECT opens a tunnel behind the one that was judged; TRACE and TRACK send back what was injected (RFC 9110 9.3.8).
_NEVER = frozenset({"CONNECT", "TRACE", "TRACK"})
# A header or the body says what place they write to besides the target (RFC 4918 10.3, RFC 5842).
_TWO_PLACES = frozenset({"COPY", "MOVE", "BIND", "UNBIND", "REBIND"})
# What frameworks read in a query as the method that was meant (Rails, Laravel, Symfony, Express and their like).
_METHOD_WORDS = frozenset({"-method", "x-http-method-override", "x-http-method", "x-method-override"})
_LONGEST_WORD = 120
_LONGEST_REASON = 600


@frozen
class Injection:
    """A credential that the way out adds: `header: scheme value`, the value kept in the sidecar under `slot`."""

    header: str
    scheme: str
    slot: str

    def header_value(self, secret: str) -> str:
        return f"{self.scheme} {secret}" if self.scheme else secret


@frozen
class Endpoint:
    """Where a route is dialled instead of at its resolved name; the address is judged all the same."""

    address: IPAddress
    port: int | None = None


@frozen
class Grant:
    """How long a route holds that an operator let through for a running bottle: `id` is the proposal's, `until` is in
    seconds since the epoch (None: as long as the bottle), `once`: for one request, whatever comes of it."""

    id: str
    until: float | None = None
    once: bool = False

    def has_lapsed(self, now: float) -> bool:
        return self.until is not None and now >= self.until


@frozen
class Route:
    """One allowed destination. Empty `methods` or `paths` mean any.

    `private_ips` are the non-public networks that it may reach. A route of the manifest's has no `grant`.
    """

    host: HostPattern
    scheme: Scheme = "https"
    ports: tuple[int, ...] = (443,)
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    inject: Injection | None = None
    scan: bool = True
    private_ips: tuple[IPNetwork, ...] = ()
    connect_to: Endpoint | None = None
    source: str = "bottle"
    grant: Grant | None = None

    @property
    def name(self) -> str:
        """How rules and audit lines call this route."""
        return self.host.text

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes pass unread: nothing is scanned, injected or limited by method or path."""
        return self.scheme == "https" and not (self.scan or self.inject or self.methods or self.paths)

    def removes(self, header: str) -> bool:
        """Whether the agent's own header of this name is taken out: every credential, and the one that is put in."""
        put_in = self.inject is not None and folded(header) == folded(self.inject.header)
        return put_in or is_credential_header(header)


@frozen
class Policy:
    """All routes of one bottle. The empty policy allows nothing. `version` counts live reloads."""

    routes: tuple[Route, ...] = ()
    version: int = 0
    scanning: Scanning = Scanning()


@frozen
class Request:
    """A request as it will be sent, in normal form throughout."""

    scheme: Scheme
    authority: Authority
    method: str
    target: Target


@frozen
class Verdict:
    """Allow or deny, the rule that said so and why. The empty verdict denies.

    `rule` is a stable word for programs; `reason` and `ask` (what to ask the operator for) are one line of printable
    ASCII of bounded length, whatever the agent sent. `passes_unread` is said by `decide_tunnel` alone.
    """

    allowed: bool = False
    rule: str = "default"
    reason: str = "nothing allows it"
    ask: str | None = None
    route: Route | None = field(default=None, repr=False)
    passes_unread: bool = False


def decide_tunnel(policy: Policy, authority: Authority) -> Verdict:
    """Whether the agent may open a TLS connection to this host and port at all (the CONNECT stage).

    Method and path are not known yet, so the bytes pass unread only where every route to the place is a tunnel; else
    the connection is terminated and each request judged by `decide`.
    """
    routes, verdict = _routes_to(policy, "https", authority)
    if not routes:
        return verdict
    allowed = _allow(routes[0], "host and port are listed")
    return evolve(allowed, passes_unread=all(route.is_tunnel for route in routes))


def decide(policy: Policy, request: Request) -> Verdict:
    """The verdict on one request.

    A host that is listed by name is judged by those routes alone, whatever wildcards say. Of several routes that allow
    the request the one with the longest path is taken, then the one listed first; where none does, the first refusal.
    """
    routes, verdict = _routes_to(policy, request.scheme, request.authority)
    if not routes:
        return verdict
    refusal = _refuse_form(routes[0], request) or _refuse_push(routes[0], request)
    if refusal is not None:
        return refusal
    verdicts = [_judge(route, request) for route in routes]
    fitting = [route for route, verdict in zip(routes, verdicts, strict=True) if verdict.allowed]
    if not fitting:
        return verdicts[0]
    return _allow(
        max(fitting, key=lambda route: _depth(route, request.target)), "host, port, method and path are listed"
    )


def decide_address(route: Route, address: IPAddress) -> Verdict:
    """Whether the route may dial this address: a public one, or one that its `ssrf_ip_allowlist` covers."""
    kind = kind_of(address)
    if kind is None:
        return _allow(route, "the address is public")
    if covers(route.private_ips, address):
        return _allow(route, "the route's ssrf_ip_allowlist covers the address")
    reason = f"{_plain(route.name)} leads to {address}, a {kind} address"
    return _deny(route, "address.private", reason, f"{address} in the route's `ssrf_ip_allowlist`")


def is_push(target: Target, method: str = "POST") -> bool:
    """Whether this is git's smart-HTTP push, in any reading (gitprotocol-http): its advertisement, or the pack itself.

    The pack is posted: to read a page whose last segment is `git-receive-pack` is no push.
    """
    paths = [reading.lower() for reading in target.readings]
    pairs = [(name.strip().lower(), value.strip().lower()) for name, value in query_pairs(target.query or "")]
    if ("service", _PUSH) in pairs:
        return True
    said = [*paths, *(word for pair in pairs for word in pair)]
    if any("/info/refs" in path for path in paths) and any(_PUSH in word for word in said):
        return True
    return method not in ("GET", "HEAD") and any(_PUSH_SEGMENT.search(path) for path in paths)


def _routes_to(policy: Policy, scheme: Scheme, authority: Authority) -> tuple[list[Route], Verdict]:
    """The routes to this host and port, those by name before wildcards, or none and the refusal."""
    host = _plain(authority.host)
    named = _named(policy, authority.host)
    if not named:
        return [], _deny(None, "host.unlisted", f"{host} is not listed in this bottle", f"a route to {host}")
    fitting = [route for route in named if route.scheme == scheme]
    if not fitting:
        reason = f"{host} is listed for {named[0].scheme} alone"
        return [], _deny(named[0], "scheme.unlisted", reason, f"a route to {host} with `scheme: {_plain(scheme)}`")
    fitting = [route for route in fitting if authority.port in route.ports]
    if not fitting:
        reason = f"port {authority.port} of {host} is not listed"
        return [], _deny(named[0], "port.unlisted", reason, f"port {authority.port} under the route's `ports`")
    return fitting, Verdict()


def _named(policy: Policy, host: str) -> list[Route]:
    matching = [route for route in policy.routes if route.host.matches(host)]
    return [route for route in matching if not route.host.is_wildcard] or matching


def _refuse_form(route: Route, request: Request) -> Verdict | None:
    """What is refused on every route: methods that no client inside needs, or that two servers may read differently."""
    method = _plain(request.method)
    if len(request.method) > _LONGEST_METHOD or _METHOD.match(request.method) is None:
        return _deny(route, "method.form", f"{method} is no method: methods are short words in upper case", None)
    if request.method in _NEVER:
        return _deny(route, "method.never", f"{method} is not allowed inside a bottle", None)
    if request.target == ASTERISK and request.method != "OPTIONS":
        return _deny(route, "target.form", f"the target `*` goes with OPTIONS, not with {method}", None)
    return None


def _refuse_push(route: Route, request: Request) -> Verdict | None:
    if not is_push(request.target, request.method):
        return None
    return _deny(route, "git.push", "a push over HTTP passes no git gate", "the remote under `git.remotes`")


def _judge(route: Route, request: Request) -> Verdict:
    name, method, path = _plain(route.name), _plain(request.method), _plain(request.target.path)
    unlisted = next((one for one in _methods(request) if one not in route.methods), None) if route.methods else None
    if unlisted is not None:
        method = _plain(unlisted)
        reason = f"{method} is not among the methods of {name} ({_plain(', '.join(route.methods))})"
        return _deny(route, "method.unlisted", reason, f"method {method} for {name}")
    if route.paths and not _path_is_listed(route.paths, request.target):
        reason = f"{path} is outside the paths of {name} ({_plain(', '.join(route.paths))})"
        return _deny(route, "path.unlisted", reason, f"path {path} for {name}")
    if route.paths and request.method in _TWO_PLACES:
        reason = f"{method} writes to a second place, which the paths of {name} cannot be held against"
        return _deny(route, "method.two-places", reason, f"{name} without `paths`")
    return _allow(route, "host, port, method and path are listed")


def _methods(request: Request) -> list[str]:
    """The methods that some server may take the request for: its own, and those that its query names."""
    pairs = query_pairs(request.target.query or "")
    named = [value.strip().upper() for word, value in pairs if word.strip().lower().replace("_", "-") in _METHOD_WORDS]
    return [request.method, *(method for method in named if _METHOD.match(method))]


def _path_is_listed(prefixes: Iterable[str], target: Target) -> bool:
    return any(path_allows(prefix, target) for prefix in prefixes)


def _depth(route: Route, target: Target) -> int:
    """How closely the route's paths describe the target."""
    return max((len(prefix) for prefix in route.paths if path_allows(prefix, target)), default=0)


def _allow(route: Route, reason: str) -> Verdict:
    return Verdict(allowed=True, rule="route", reason=reason, route=route)


def _deny(route: Route | None, rule: str, reason: str, ask: str | None) -> Verdict:
    return Verdict(rule=rule, reason=reason[:_LONGEST_REASON], ask=ask and ask[:_LONGEST_REASON], route=route)


def _plain(text: str) -> str:
    """Words of unknown origin, fit for a log line and for a terminal: printable ASCII, bounded."""
    cut = text if len(text) <= _LONGEST_WORD else f"{text[: _LONGEST_WORD - 3]}..."
    return "".join(character if " " <= character <= "~" else "?" for character in cut)

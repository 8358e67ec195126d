"""What may leave a bottle: routes, the policy that they make up, and the verdict on each request.

The same `decide` answers the proxy, `bottle explain`, the preflight and the tests.
"""

from collections.abc import Iterable
from typing import Literal

from attrs import field, frozen

from bottle.domain.addresses import IPNetwork, covers, kind_of
from bottle.domain.hosts import Authority, HostPattern, IPAddress
from bottle.domain.targets import Target, path_allows, query_pairs

Scheme = Literal["https", "http"]

CREDENTIAL_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie2",
        "ocp-apim-subscription-key",
        "private-token",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)
"""Headers by which a client says who it is, in lower case: the agent's own are removed on every route."""


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
class Route:
    """One allowed destination. Empty `methods` or `paths` mean any; `private_ips` are the non-public networks that it may reach."""

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

    @property
    def name(self) -> str:
        """How rules and audit lines call this route."""
        return self.host.text

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes pass unread: nothing is scanned, injected or limited by method or path."""
        return self.scheme == "https" and not (self.scan or self.inject or self.methods or self.paths)


@frozen
class Policy:
    """All routes of one bottle. The empty policy allows nothing. `version` counts live reloads."""

    routes: tuple[Route, ...] = ()
    version: int = 0


@frozen
class Request:
    """A request as it will be sent, in normal form throughout."""

    scheme: Scheme
    authority: Authority
    method: str
    target: Target


@frozen
class Verdict:
    """Allow or deny, the rule that said so and why. The empty verdict denies."""

    allowed: bool = False
    rule: str = "default"
    reason: str = "nothing allows it"
    ask: str | None = None
    route: Route | None = field(default=None, repr=False)


def decide_tunnel(policy: Policy, authority: Authority) -> Verdict:
    """Whether the agent may open a TLS connection to this host and port at all (the CONNECT stage)."""
    routes, verdict = _routes_to(policy, "https", authority)
    return verdict if not routes else _allow(routes[0], "host and port are listed")


def decide(policy: Policy, request: Request) -> Verdict:
    """The verdict on one request: the first route that allows host, port, method and path, else the nearest refusal."""
    routes, verdict = _routes_to(policy, request.scheme, request.authority)
    if not routes:
        return verdict
    if is_push(request.target):
        return _deny(
            routes[0],
            "git.push",
            "a push over HTTP passes no git gate",
            "declare the remote under `git.remotes`",
        )
    verdicts = [_judge(route, request) for route in routes]
    return next((verdict for verdict in verdicts if verdict.allowed), verdicts[0])


def decide_address(route: Route, address: IPAddress) -> Verdict:
    """Whether the route may dial this address: a public one, or one that its `ssrf_ip_allowlist` covers."""
    kind = kind_of(address)
    if kind is None or covers(route.private_ips, address):
        return _allow(
            route,
            "the address is public" if kind is None else "the route's ssrf_ip_allowlist covers the address",
        )
    reason = f"{route.name} leads to {address}, a {kind} address"
    return _deny(route, "address.private", reason, f"add {address} to the route's `ssrf_ip_allowlist`")


def is_push(target: Target) -> bool:
    """Whether the target is git's smart-HTTP push, in any reading (gitprotocol-http: `git-receive-pack`)."""
    if any(reading.rstrip("/").lower().endswith("/git-receive-pack") for reading in target.readings):
        return True
    pairs = query_pairs(target.query or "")
    return any(name.lower() == "service" and value.lower() == "git-receive-pack" for name, value in pairs)


def _routes_to(policy: Policy, scheme: Scheme, authority: Authority) -> tuple[list[Route], Verdict]:
    """The routes to this host and port, the most specific first, or none and the refusal."""
    named = [route for route in policy.routes if route.host.matches(authority.host)]
    if not named:
        ask = f"a route to {authority.host}"
        return [], Verdict(
            rule="host.unlisted", reason=f"{authority.host} is not listed in this bottle", ask=ask
        )
    fitting = [route for route in named if route.scheme == scheme]
    if not fitting:
        reason = f"{authority.host} is listed for {named[0].scheme} alone"
        return [], _deny(named[0], "scheme", reason, f"a route to {authority.host} with `scheme: {scheme}`")
    fitting = [route for route in fitting if authority.port in route.ports]
    if not fitting:
        reason = f"port {authority.port} of {authority.host} is not listed"
        return [], _deny(named[0], "port", reason, f"port {authority.port} under the route's `ports`")
    return sorted(fitting, key=lambda route: route.host.is_wildcard), Verdict()


def _judge(route: Route, request: Request) -> Verdict:
    if route.methods and request.method not in route.methods:
        reason = f"{request.method} is not among the methods of {route.name} ({', '.join(route.methods)})"
        return _deny(route, "method", reason, f"method {request.method} for {route.name}")
    if route.paths and not _path_is_listed(route.paths, request.target):
        reason = f"{request.target.path} is outside the paths of {route.name} ({', '.join(route.paths)})"
        return _deny(route, "path", reason, f"path {request.target.path} for {route.name}")
    return _allow(route, "host, port, method and path are listed")


def _path_is_listed(prefixes: Iterable[str], target: Target) -> bool:
    return any(path_allows(prefix, target) for prefix in prefixes)


def _allow(route: Route, reason: str) -> Verdict:
    return Verdict(allowed=True, rule=f"route.{route.name}", reason=reason, route=route)


def _deny(route: Route, rule: str, reason: str, ask: str) -> Verdict:
    return Verdict(rule=f"{rule}:{route.name}", reason=reason, ask=ask, route=route)

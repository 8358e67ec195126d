"""`egress.routes`: what a bottle may reach. Only spellings in normal form pass; a message gives the right one."""

import ipaddress
import re

from bottle.adapters.manifests.keys.egress import AUTH, EGRESS, PIPELOCK, ROUTE
from bottle.adapters.manifests.nodes import Node, Table
from bottle.adapters.manifests.reading import (
    distinct,
    flag,
    integer,
    items,
    line,
    one_of,
    optional,
    some,
    table,
    text,
    variable,
)
from bottle.adapters.manifests.suffixes import is_public_suffix
from bottle.domain.addresses import IPNetwork, covers, kind_of
from bottle.domain.egress import Endpoint, Scheme
from bottle.domain.hosts import HostPattern, InvalidHostError, address_of, authority, bracketed
from bottle.domain.manifest import Auth, ManifestRoute
from bottle.domain.targets import InvalidTargetError, parse_target

ROLES = ("claude_code_oauth",)
SCHEMES: tuple[Scheme, ...] = ("https", "http")
DEFAULT_PORTS = {"https": 443, "http": 80}

_REMOVED_ROLES = {
    "anthropic-base-url": "this role is gone: write `role: claude_code_oauth`, or `agent_provider.auth_token`",
    "npm-registry": "this role is gone: a route to the registry with `auth` does the same",
    "git-insteadof": "this role is gone: declare the remote under `git.remotes`",
    "tea-login": "this role is gone: a route to the forge with `auth: {scheme: token, ...}` does the same",
}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
_MAX_PORT = 65535

# What frames a message or belongs to one hop (RFC 9110 7.6.1): a credential there would change what the request is.
_FRAMING = frozenset(
    {
        "accept-encoding",
        "connection",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
_FRAMING_PREFIXES = ("content-", "proxy-", "sec-", "x-forwarded-")


def routes(node: Node) -> tuple[ManifestRoute, ...]:
    """The value of `egress`."""
    egress = table(node, EGRESS)
    found: dict[object, Node] = {}
    result = []
    for entry in items(egress.need("routes", "[]"), "routes"):
        route = _route(entry)
        twin = found.setdefault(_what_it_matches(route), entry)
        if twin is not entry:
            place = f"line {twin.at.line}" if twin.at.line else twin.path
            raise entry.error(
                f"the route matches exactly what that of {place} does", hint="merge the two: one of them never counts"
            )
        result.append(route)
    return tuple(result)


def _what_it_matches(route: ManifestRoute) -> object:
    return (
        route.host.text,
        route.scheme,
        frozenset(route.ports),
        frozenset(route.methods),
        frozenset(route.paths),
    )


def _route(node: Node) -> ManifestRoute:
    entry = table(node, ROUTE)
    scheme: Scheme = optional(entry, "scheme", lambda value: one_of(value, SCHEMES), "https")
    pipelock = optional(entry, "pipelock", lambda value: table(value, PIPELOCK), None)
    nothing: tuple[IPNetwork, ...] = ()
    allowed = optional(pipelock, "ssrf_ip_allowlist", networks, nothing) if pipelock else nothing
    return ManifestRoute(
        host=host(entry.need("host", "api.example.com")),
        scheme=scheme,
        ports=optional(entry, "ports", lambda value: _ports(value, scheme), (DEFAULT_PORTS[scheme],)),
        methods=optional(entry, "methods", _methods, ()),
        paths=optional(entry, "path_allowlist", _paths, ()),
        auth=optional(entry, "auth", lambda value: _auth(value, scheme), None),
        role=optional(entry, "role", lambda value: one_of(value, ROLES, instead=_REMOVED_ROLES), None),
        scan=_scan(entry, pipelock),
        private_ips=allowed,
        connect_to=optional(entry, "connect_to", lambda value: _connect_to(value, allowed), None),
    )


def host(node: Node) -> HostPattern:
    """A name, an address, or a wildcard under a domain of one owner."""
    written = text(node)
    try:
        pattern = HostPattern.parse(written)
    except InvalidHostError as error:
        raise node.error(str(error), hint=_host_hint(written)) from None
    if pattern.is_wildcard and is_public_suffix(pattern.text[2:]):
        raise node.error(
            f"under `{pattern.text[2:]}` anybody can have a name", hint="name the hosts, or a domain of one owner"
        )
    return pattern


def _host_hint(written: str) -> str:
    if "://" in written or "/" in written:
        return "write the host alone; paths go under `path_allowlist`"
    return "write a name such as `api.example.com`, or `*.example.com` for one level below"


def _ports(node: Node, scheme: Scheme) -> tuple[int, ...]:
    return distinct(some(node, "ports", f"port {DEFAULT_PORTS[scheme]}"), lambda entry: _port(entry, scheme))


def _port(node: Node, scheme: Scheme) -> int:
    port = integer(node)
    if not 1 <= port <= _MAX_PORT:
        raise node.error(f"{port} is no port", hint=f"a port is a number from 1 to {_MAX_PORT}")
    other: Scheme = "http" if scheme == "https" else "https"
    if port == DEFAULT_PORTS[other]:
        raise node.error(f"port {port} speaks {other}, the route {scheme}", hint=f"write `scheme: {other}`")
    return port


def _methods(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "methods", "every method"), _method)


def _method(node: Node) -> str:
    method = text(node)
    if _TOKEN.match(method) is None:
        raise node.error("is no HTTP method", hint="write one such as `GET`")
    if method != method.upper():
        raise node.error(f"'{method}' is not in normal form", hint=f"write `{method.upper()}`")
    if method in {"CONNECT", "TRACE"}:
        raise node.error(f"{method} is never sent on", hint="take it out")
    return method


def _paths(node: Node) -> tuple[str, ...]:
    return distinct(some(node, "paths", "every path"), path)


def path(node: Node) -> str:
    """A path prefix in normal form."""
    written = text(node)
    if not written.startswith("/"):
        raise node.error("a path starts with `/`", hint=f"write `/{written}`" if "://" not in written else None)
    if "*" in written:
        raise node.error("a path holds no `*`: it stands for all below it", hint=f"write `{written.partition('*')[0]}`")
    if "?" in written or "#" in written:
        raise node.error("a path has no query and no fragment", hint=f"write `{re.split('[?#]', written)[0]}`")
    if ";" in written:
        raise node.error("a path with parameters (`;`) matches nothing", hint=f"write `{written.partition(';')[0]}`")
    try:
        normal = parse_target(written).readings[0]
    except InvalidTargetError as error:
        raise node.error(str(error), hint="write the path as a server sees it, without `.` and `..`") from None
    if normal != written:
        raise node.error("is not in normal form", hint=f"write `{normal}`")
    return written


def _auth(node: Node, scheme: Scheme) -> Auth:
    if scheme == "http":
        raise node.error("a credential never travels over plain HTTP", hint="take out `auth`, or `scheme: http`")
    entry = table(node, AUTH)
    header = optional(entry, "header", _header, "Authorization")
    usual = "Bearer" if header.lower() == "authorization" else ""
    return Auth(
        token_ref=variable(entry.need("token_ref", "STAGING_TOKEN")),
        scheme=optional(entry, "scheme", _auth_scheme, usual),
        header=header,
    )


def _auth_scheme(node: Node) -> str:
    word = line(node)
    if word and _TOKEN.match(word) is None:
        raise node.error("is no authentication scheme", hint='write a word such as `Bearer`, or `""` for none')
    return word


def _header(node: Node) -> str:
    name = text(node)
    if _TOKEN.match(name) is None:
        raise node.error("is no header name", hint="write a name such as `x-api-key`, without a colon")
    if name.lower() in _FRAMING or name.lower().startswith(_FRAMING_PREFIXES):
        raise node.error(f"{name} frames or directs the request; it carries no credential", hint="name another header")
    return name


def _scan(entry: Table, pipelock: Table | None) -> bool:
    """Content is looked at unless the route says otherwise, in one of two ways that may not disagree."""
    said = entry.get("scan")
    passthrough = pipelock.get("tls_passthrough") if pipelock else None
    if said is None:
        return not flag(passthrough) if passthrough else True
    if passthrough and flag(passthrough) == flag(said):
        raise said.error("`scan` and `pipelock.tls_passthrough` contradict each other", hint="keep one of the two")
    return flag(said)


def networks(node: Node) -> tuple[IPNetwork, ...]:
    return distinct(items(node, "networks"), _network)


def _network(node: Node) -> IPNetwork:
    written = text(node)
    if "%" in written:
        raise node.error("a network carries no zone identifier", hint="write the network alone")
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise node.error("is no network", hint="write one such as `100.78.141.42/32`") from None
    if network.prefixlen == 0:
        raise node.error("is every address there is", hint="name the network that the route needs")
    if isinstance(network, ipaddress.IPv6Network) and (mapped := network.network_address.ipv4_mapped):
        raise node.error("is an IPv4 address in IPv6 dress", hint=f"write `{mapped}/{max(network.prefixlen - 96, 1)}`")
    bare = f"{network.network_address}"
    if written != str(network) and not (written == bare and network.prefixlen == network.max_prefixlen):
        raise node.error("is not in normal form", hint=f"write `{network}`")
    return network


def _connect_to(node: Node, networks: tuple[IPNetwork, ...]) -> Endpoint:
    written = text(node)
    unsaid = 0
    try:
        spot = authority(f"[{written}]" if written.count(":") > 1 and "[" not in written else written, unsaid)
    except InvalidHostError as error:
        raise node.error(str(error), hint="write an address such as `10.0.0.7:8443` or `[fd00::7]:8443`") from None
    address = address_of(spot.host)
    if address is None:
        raise node.error("is a name; the route is to be dialled at an address", hint="write an address")
    kind = kind_of(address)
    if kind is not None and not covers(networks, address):
        length = address.max_prefixlen
        hint = f"add `pipelock: {{ssrf_ip_allowlist: [{address}/{length}]}}`"
        raise node.error(f"{bracketed(spot.host)} is a {kind} address that the route may not reach", hint=hint)
    return Endpoint(address, spot.port or None)

"""What the way out is told on its standard input: one whole document at the start, then live reloads.

The documents are values here and JSON-able data on the pipe. Reading is strict (an unknown, missing or ill-typed key
refuses the whole document) and written by hand, since the sidecar's start-up time counts. Secret values and private
keys are kept out of every repr, and no error message quotes a value.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import cast

from attrs import field, frozen

from bottle.domain.addresses import IPNetwork
from bottle.domain.dlp.document import read_scanning, scanning_document
from bottle.domain.egress import Endpoint, Grant, Injection, Policy, Route, Scheme
from bottle.domain.hosts import HostPattern
from bottle.domain.proxy_document import proxy_document, read_proxy
from bottle.domain.strict_json import ConfigError as ConfigError
from bottle.domain.strict_json import (
    JsonObject,
    read_boolean,
    read_host,
    read_integer,
    read_list,
    read_matching,
    read_object,
    read_optional,
    read_text,
    read_tuple,
)
from bottle.domain.upstream_proxy import UpstreamProxy

_LAST_SECOND = 2.0**40
_HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_SLOT = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
_SECRET = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_METHOD = re.compile(r"[A-Z][A-Z-]*\Z")
_SCHEME_WORD = re.compile(r"[A-Za-z0-9._~+-]*\Z")
# A credential under one of these names would change how the message is framed, or never arrive.
_NOT_FOR_CREDENTIALS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive"}
)


PATTERNS = "/opt/bottle/patterns"
"""Where a sidecar finds the compiled secret rules, in its image and in a sandbox."""


@frozen
class Listen:
    """Where to listen: `host` and `port` (0 lets the system choose), the path of a Unix socket, or `handed`: the
    inherited descriptor of a Unix socket over which the listening socket itself comes (SCM_RIGHTS)."""

    host: str = ""
    port: int = 0
    unix: str = ""
    handed: int | None = None


@frozen
class Leaf:
    """The certificate chain and private key (PEM) that the way out shows to the agent for the hosts of one pattern."""

    host: HostPattern
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@frozen
class EgressReload:
    """A new policy. `secrets` and `leaves` join those that stand, by slot and host; what it no longer names goes.
    `given` joins by name: values that the box was given, which must not leave it."""

    policy: Policy
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    given: Mapping[str, str] = field(factory=dict, repr=False)
    leaves: tuple[Leaf, ...] = ()


@frozen
class EgressStart:
    """Everything that the way out needs to know. `audit` is a directory, `roots` further trusted certificates (PEM),
    `patterns` the directory of the compiled secret rules (where it is empty, registered values alone are looked for),
    `proxy` another proxy that dials for it.

    `tied`: it ends with its standard input, which then is held by whoever must not be outlived.
    """

    identity: str
    listen: Listen
    audit: str
    policy: Policy
    patterns: str
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    given: Mapping[str, str] = field(factory=dict, repr=False)
    leaves: tuple[Leaf, ...] = ()
    dns: Listen | None = None
    roots: str = field(default="", repr=False)
    tied: bool = False
    proxy: UpstreamProxy | None = None

    @property
    def rules(self) -> EgressReload:
        """The part that a reload can replace."""
        return EgressReload(self.policy, self.secrets, self.given, self.leaves)


def start_document(start: EgressStart) -> JsonObject:
    """The start as JSON-able data. It holds the secret values: it goes down a pipe and nowhere else."""
    return {
        "identity": start.identity,
        "listen": listen_document(start.listen),
        "audit": start.audit,
        "dns": None if start.dns is None else listen_document(start.dns),
        "roots": start.roots,
        "tied": start.tied,
        "patterns": start.patterns,
        "proxy": proxy_document(start.proxy),
        **reload_document(start.rules),
    }


def reload_document(reload: EgressReload) -> JsonObject:
    """The reload as JSON-able data. It holds the secret values: it goes down a pipe and nowhere else."""
    leaves = [{"host": leaf.host.text, "certificate": leaf.certificate, "key": leaf.key} for leaf in reload.leaves]
    return {
        "policy": policy_document(reload.policy),
        "secrets": dict(reload.secrets),
        "given": dict(reload.given),
        "leaves": leaves,
    }


def policy_document(policy: Policy) -> JsonObject:
    """The policy as JSON-able data; it holds slot names, no values."""
    return {
        "version": policy.version,
        "routes": [_route_document(route) for route in policy.routes],
        "scanning": scanning_document(policy.scanning),
    }


def parse_start(data: object) -> EgressStart:
    """The start that `start_document` wrote; raises ConfigError."""
    fields = read_object(data, "the document", ("identity", "listen", "audit", "policy", "patterns"), _START_KEYS)
    reload = parse_reload({key: fields[key] for key in ("policy", *_RELOAD_KEYS) if key in fields})
    dns = fields.get("dns")
    return EgressStart(
        identity=read_text(fields["identity"], "identity"),
        listen=read_listen(fields["listen"], "listen"),
        audit=read_text(fields["audit"], "audit"),
        policy=reload.policy,
        patterns=read_text(fields["patterns"], "patterns", empty=True),
        secrets=reload.secrets,
        given=reload.given,
        leaves=reload.leaves,
        dns=None if dns is None else read_listen(dns, "dns"),
        roots=read_text(fields.get("roots", ""), "roots", empty=True),
        tied=read_boolean(fields.get("tied", False), "tied"),
        proxy=read_optional(fields.get("proxy"), "proxy", read_proxy),
    )


def parse_reload(data: object) -> EgressReload:
    """The reload that `reload_document` wrote; raises ConfigError."""
    fields = read_object(data, "the document", ("policy",), _RELOAD_KEYS)
    secrets = read_object(fields.get("secrets", {}), "secrets", (), None)
    given = read_object(fields.get("given", {}), "given", (), None)
    leaves = read_list(fields.get("leaves", []), "leaves")
    return EgressReload(
        policy=parse_policy(fields["policy"]),
        secrets={_slot(name, "secrets"): _secret(value, "secrets") for name, value in secrets.items()},
        given={_slot(name, "given"): read_text(value, "given", empty=True) for name, value in given.items()},
        leaves=tuple(_leaf(leaf, f"leaves[{index}]") for index, leaf in enumerate(leaves)),
    )


def parse_policy(data: object) -> Policy:
    """The policy that `policy_document` wrote; raises ConfigError."""
    fields = read_object(data, "policy", ("routes",), ("version", "scanning"))
    routes = read_list(fields["routes"], "policy.routes")
    return Policy(
        routes=tuple(_route(route, f"policy.routes[{index}]") for index, route in enumerate(routes)),
        version=read_integer(fields.get("version", 0), "policy.version", 0, 2**53),
        scanning=read_scanning(fields.get("scanning", {}), "policy.scanning"),
    )


def listen_document(listen: Listen) -> JsonObject:
    """Where to listen, as JSON-able data."""
    if listen.handed is not None:
        return {"handed": listen.handed}
    return {"unix": listen.unix} if listen.unix else {"host": listen.host, "port": listen.port}


def _route_document(route: Route) -> JsonObject:
    inject, endpoint = route.inject, route.connect_to
    return {
        "host": route.host.text,
        "scheme": route.scheme,
        "ports": list(route.ports),
        "methods": list(route.methods),
        "paths": list(route.paths),
        "inject": inject and {"header": inject.header, "scheme": inject.scheme, "slot": inject.slot},
        "scan": route.scan,
        "private_ips": [str(network) for network in route.private_ips],
        "connect_to": endpoint and {"address": str(endpoint.address), "port": endpoint.port},
        "source": route.source,
        "grant": route.grant and {"id": route.grant.id, "until": route.grant.until, "once": route.grant.once},
    }


_RELOAD_KEYS = ("secrets", "given", "leaves")
_ROUTE_KEYS = ("scheme", "ports", "methods", "paths", "inject", "scan", "private_ips", "connect_to", "source", "grant")
_START_KEYS = (*_RELOAD_KEYS, "dns", "roots", "tied", "proxy")


def _route(data: object, where: str) -> Route:
    fields = read_object(data, where, ("host",), _ROUTE_KEYS)
    route = Route(
        host=read_host(fields["host"], f"{where}.host"),
        scheme=_scheme(fields.get("scheme", "https"), f"{where}.scheme"),
        ports=read_tuple(fields.get("ports", [443]), f"{where}.ports", _port),
        methods=read_tuple(fields.get("methods", []), f"{where}.methods", _method),
        paths=read_tuple(fields.get("paths", []), f"{where}.paths", _path),
        inject=read_optional(fields.get("inject"), f"{where}.inject", _injection),
        scan=read_boolean(fields.get("scan", True), f"{where}.scan"),
        private_ips=read_tuple(fields.get("private_ips", []), f"{where}.private_ips", _network),
        connect_to=read_optional(fields.get("connect_to"), f"{where}.connect_to", _endpoint),
        source=read_text(fields.get("source", "bottle"), f"{where}.source", empty=True),
        grant=read_optional(fields.get("grant"), f"{where}.grant", _grant),
    )
    if route.inject is not None and route.scheme != "https":
        raise ConfigError(f"{where}.inject: a credential travels over https alone")
    return route


def _injection(data: object, where: str) -> Injection:
    fields = read_object(data, where, ("header", "slot"), ("scheme",))
    header = read_matching(fields["header"], f"{where}.header", _HEADER_NAME, "a header name in lower case")
    if header in _NOT_FOR_CREDENTIALS:
        raise ConfigError(f"{where}.header: frames the message and carries no credential")
    scheme = read_matching(fields.get("scheme", ""), f"{where}.scheme", _SCHEME_WORD, "a word or nothing")
    return Injection(header, scheme, _slot(fields["slot"], f"{where}.slot"))


def _endpoint(data: object, where: str) -> Endpoint:
    fields = read_object(data, where, ("address",), ("port",))
    try:
        address = ipaddress.ip_address(read_text(fields["address"], f"{where}.address"))
    except ValueError:
        raise ConfigError(f"{where}.address: an IP address belongs here") from None
    return Endpoint(address, read_optional(fields.get("port"), f"{where}.port", _port))


def _grant(data: object, where: str) -> Grant:
    fields = read_object(data, where, ("id",), ("until", "once"))
    until = fields.get("until")
    if until is not None and not (type(until) in (int, float) and 0 <= cast("float", until) < _LAST_SECOND):
        raise ConfigError(f"{where}.until: seconds since the epoch belong here")
    return Grant(
        id=_slot(fields["id"], f"{where}.id"),
        until=None if until is None else float(cast("float", until)),
        once=read_boolean(fields.get("once", False), f"{where}.once"),
    )


def _leaf(data: object, where: str) -> Leaf:
    fields = read_object(data, where, ("host", "certificate", "key"), ())
    certificate, key = (read_text(fields[name], f"{where}.{name}") for name in ("certificate", "key"))
    return Leaf(read_host(fields["host"], f"{where}.host"), certificate, key)


def read_listen(data: object, where: str) -> Listen:
    """Where to listen; raises ConfigError."""
    fields = read_object(data, where, (), ("host", "port", "unix", "handed"))
    if set(fields) == {"unix"}:
        return Listen(unix=read_text(fields["unix"], f"{where}.unix"))
    if set(fields) == {"handed"}:
        return Listen(handed=read_integer(fields["handed"], f"{where}.handed", 3, 1023))
    if set(fields) == {"host", "port"}:
        return Listen(
            read_text(fields["host"], f"{where}.host"), read_integer(fields["port"], f"{where}.port", 0, 65535)
        )
    raise ConfigError(f"{where}: either `unix`, `handed`, or `host` and `port`, belong here")


def _port(data: object, where: str) -> int:
    return read_integer(data, where, 1, 65535)


def _scheme(data: object, where: str) -> Scheme:
    if data == "https":
        return "https"
    if data == "http":
        return "http"
    raise ConfigError(f"{where}: `https` or `http` belongs here")


def _method(data: object, where: str) -> str:
    return read_matching(data, where, _METHOD, "a method in upper case")


def _path(data: object, where: str) -> str:
    text = read_text(data, where)
    if not text.startswith("/"):
        raise ConfigError(f"{where}: a path that opens with `/` belongs here")
    return text


def _slot(data: object, where: str) -> str:
    return read_matching(data, where, _SLOT, "the name of a slot")


def _secret(data: object, where: str) -> str:
    return read_matching(data, where, _SECRET, "printable ASCII without outer spaces")


def _network(data: object, where: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(read_text(data, where))
    except ValueError:
        raise ConfigError(f"{where}: an address range without host bits belongs here") from None

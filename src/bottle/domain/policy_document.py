"""A policy as JSON-able data, and strictly back: what a sidecar judges by. It holds slot names, no values."""

import ipaddress
import re
from typing import cast

from bottle.domain.addresses import IPNetwork
from bottle.domain.dlp.document import read_scanning, scanning_document
from bottle.domain.egress import Endpoint, Grant, Injection, Policy, Route, Scheme
from bottle.domain.strict_json import (
    ConfigError,
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

_LAST_SECOND = 2.0**40
_HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_SLOT = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
_METHOD = re.compile(r"[A-Z][A-Z-]*\Z")
_SCHEME_WORD = re.compile(r"[A-Za-z0-9._~+-]*\Z")
# A credential under one of these names would change how the message is framed, or never arrive.
_NOT_FOR_CREDENTIALS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive"}
)
_ROUTE_KEYS = ("scheme", "ports", "methods", "paths", "inject", "scan", "private_ips", "connect_to", "source", "grant")


def policy_document(policy: Policy) -> JsonObject:
    """The policy as JSON-able data."""
    return {
        "version": policy.version,
        "routes": [_route_document(route) for route in policy.routes],
        "scanning": scanning_document(policy.scanning),
    }


def parse_policy(data: object) -> Policy:
    """The policy that `policy_document` wrote; raises ConfigError."""
    fields = read_object(data, "policy", ("routes",), ("version", "scanning"))
    routes = read_list(fields["routes"], "policy.routes")
    return Policy(
        routes=tuple(_route(route, f"policy.routes[{index}]") for index, route in enumerate(routes)),
        version=read_integer(fields.get("version", 0), "policy.version", 0, 2**53),
        scanning=read_scanning(fields.get("scanning", {}), "policy.scanning"),
    )


def read_slot(data: object, where: str) -> str:
    """The name of a slot for a secret; raises ConfigError."""
    return read_matching(data, where, _SLOT, "the name of a slot")


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
    return Injection(header, scheme, read_slot(fields["slot"], f"{where}.slot"))


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
        id=read_slot(fields["id"], f"{where}.id"),
        until=None if until is None else float(cast("float", until)),
        once=read_boolean(fields.get("once", False), f"{where}.once"),
    )


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


def _network(data: object, where: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(read_text(data, where))
    except ValueError:
        raise ConfigError(f"{where}: an address range without host bits belongs here") from None

"""The smaller parts without I/O: the start document, names, the DNS answer, refusals, a tunnel's door."""

import ipaddress
import json
import random
import struct
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.egress import Endpoint, Injection, Policy, Route
from bottle.domain.egress_config import EgressStart, Leaf, parse_reload, parse_start, reload_document, start_document
from bottle.domain.hosts import Authority, HostPattern
from bottle.domain.listen import Listen
from bottle.domain.strict_json import ConfigError
from bottle.domain.upstream_proxy import UpstreamProxy
from sidecars.egress import dns
from sidecars.egress.control import Lines
from sidecars.egress.door import Inside, connect_authority, named_inside, named_outside
from sidecars.egress.hello import HelloGate
from sidecars.egress.refusal import Refusal, Refused, response
from sidecars.egress.wire import request_head

# --- the start document

ROUTE = Route(
    host=HostPattern("*.example.com"),
    ports=(443, 8443),
    methods=("GET",),
    paths=("/v1",),
    inject=Injection("authorization", "Bearer", "EGRESS_TOKEN_0"),
    private_ips=(),
    connect_to=Endpoint(ipaddress.ip_address("10.0.0.1"), 8443),
    source="provider",
)
START = EgressStart(
    identity="demo-abcde",
    listen=Listen("0.0.0.0", 8888),
    audit="/audit",
    policy=Policy((ROUTE, Route(HostPattern("plain.example"), scheme="http", ports=(80,))), 7),
    patterns="/patterns",
    secrets={"EGRESS_TOKEN_0": "sk-hush-hush"},
    given={"DATABASE_URL": "sk-hush-hush at home"},
    leaves=(Leaf(HostPattern("*.example.com"), "CERTIFICATE", "PRIVATE-KEY"),),
    dns=Listen("0.0.0.0", 53),
    roots="ROOTS",
    proxy=UpstreamProxy(Authority("proxy.corp", 3128), "sam:hush-hush"),
)


def test_a_document_reads_as_it_was_written() -> None:
    assert parse_start(json.loads(json.dumps(start_document(START)))) == START
    assert parse_reload(json.loads(json.dumps(reload_document(START.rules)))) == START.rules
    unix = evolve(START, listen=Listen(unix="/run/egress.sock"), dns=None)
    assert parse_start(start_document(unix)) == unix


def test_no_secret_stands_in_a_repr() -> None:
    said = repr(START) + repr(START.rules) + repr(START.leaves)
    assert not any(secret in said for secret in ("sk-hush-hush", "PRIVATE-KEY"))


def _changed(path: str, value: object) -> Any:
    document: Any = json.loads(json.dumps(start_document(START)))
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place = document
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


BAD = [
    ("polcy", {}), ("identity", ...), ("identity", ""), ("identity", 3), ("policy", ...), ("policy", []),
    ("policy.routes", {}), ("policy.extra", 1), ("policy.version", -1), ("policy.version", True),
    ("policy.routes.0.methds", []), ("policy.routes.0.host", "Example.com"), ("policy.routes.0.host", "*.com."),
    ("policy.routes.0.scheme", "ftp"), ("policy.routes.0.ports", [0]), ("policy.routes.0.ports", ["443"]),
    ("policy.routes.0.ports", 443), ("policy.routes.0.methods", ["get"]), ("policy.routes.0.paths", ["v1"]),
    ("policy.routes.0.scan", 1), ("policy.routes.0.private_ips", ["10.0.0.1/8"]),
    ("policy.routes.0.private_ips", ["x"]),
    ("policy.routes.0.connect_to", {"address": "example.com"}), ("policy.routes.0.connect_to", {"port": 1}),
    ("policy.routes.0.inject.header", "Authorization"), ("policy.routes.0.inject.header", "content-length"),
    ("policy.routes.0.inject.header", "x\r\ny"), ("policy.routes.0.inject.scheme", "a b"),
    ("policy.routes.0.inject.slot", ""), ("policy.routes.0.inject.value", "x"), ("policy.routes.0.scheme", "http"),
    ("secrets", []), ("secrets.EGRESS_TOKEN_0", "line\r\nbreak-hush"), ("secrets.EGRESS_TOKEN_0", ""),
    ("secrets.EGRESS_TOKEN_0", "h\u00fcsh-hush"), ("leaves", {}), ("leaves.0.key", ...), ("leaves.0.host", 3),
    ("listen", {}), ("listen", {"host": "x"}), ("listen", {"unix": "/a", "host": "x", "port": 1}),
    ("listen", {"host": "x", "port": 70000}), ("dns", []), ("roots", None), ("audit", "a\0b"),
    ("proxy", "http://x"), ("proxy", {}), ("proxy.authority", "proxy.corp"), ("proxy.authority", "hush@x:1"),
    ("proxy.credential", "hush"), ("proxy.credential", "sam:hush\r\nX: y"), ("proxy.credential", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), BAD)
def test_a_document_that_is_not_understood_is_refused_without_quoting_it(path: str, value: object) -> None:
    with pytest.raises(ConfigError) as error:
        parse_start(_changed(path, value))
    assert "hush" not in str(error.value)
    assert "PRIVATE-KEY" not in str(error.value)


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)))
def test_any_json_is_a_start_or_a_config_error(data: object) -> None:
    with pytest.raises(ConfigError):
        parse_start(data)


# --- lines of standard input


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=6), st.integers(1, 7))
def test_lines_come_out_however_they_are_cut(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\n" for line in lines) + b"rest"
    reader = Lines()
    assert [line for at in range(0, len(data), size) for line in reader.feed(data[at : at + size])] == lines


# --- which host a request is for


def _named(target: str, host: str | None, method: str = "GET", inside: str | None = "api.example.com:443") -> str:
    fields = [(b"Host", host.encode())] if host is not None else []
    head = request_head(method.encode(), target.encode(), "1.1", fields)
    try:
        if method == "CONNECT" and inside is None:
            return str(connect_authority(head))
        if inside is None:
            named = named_outside(head)
        else:
            name, _, port = inside.rpartition(":")
            named = named_inside(head, Inside.of(Authority(name, int(port))))
    except Refused as refused:
        return refused.refusal.rule
    return f"{named.scheme} {named.authority} {named.target}"


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/a?b", "api.example.com", "https api.example.com:443 /a?b"),
        ("/a", "API.example.com:443", "https api.example.com:443 /a"),
        ("/a", "api.example.com.", "https api.example.com:443 /a"),
        ("https://api.example.com/a", "api.example.com", "https api.example.com:443 /a"),
        ("https://api.example.com?q", "api.example.com", "https api.example.com:443 /?q"),
        ("/a", "api.example.com:8443", "host.mismatch"),
        ("/a", "evil.example", "host.mismatch"),
        ("/a", None, "host.missing"),
        ("/a", "", "host.invalid"),
        ("/a", "user@api.example.com", "host.invalid"),
        ("/a", "api.example.com, evil.example", "host.invalid"),
        ("https://evil.example/a", "api.example.com", "host.mismatch"),
        ("https://api.example.com:8443/a", "api.example.com", "host.mismatch"),
        ("https://api.example.com@evil.example/", "api.example.com", "host.invalid"),
        ("https://api.example.com\\@evil.example/", "api.example.com", "https api.example.com:443 /\\@evil.example/"),
        ("http://api.example.com/a", "api.example.com", "host.mismatch"),
        ("ftp://api.example.com/a", "api.example.com", "target.form"),
        ("api.example.com/a", "api.example.com", "target.form"),
    ],
)
def test_inside_tls_everything_names_the_host_of_the_connect(target: str, host: str | None, expected: str) -> None:
    assert _named(target, host) == expected


@pytest.mark.parametrize(
    ("method", "target", "host", "expected"),
    [
        ("CONNECT", "a.example:443", "a.example:443", "a.example:443"),
        ("CONNECT", "a.example:443", None, "a.example:443"),
        ("CONNECT", "a.example:443", "a.example", "a.example:443"),
        ("CONNECT", "[::1]:443", "[::1]:443", "[::1]:443"),
        ("CONNECT", "a.example", None, "host.invalid"),
        ("CONNECT", "a.example:443", "b.example", "host.mismatch"),
        ("CONNECT", "0x7f.1:443", None, "host.invalid"),
        ("CONNECT", "127.1:443", None, "host.invalid"),
        ("GET", "http://a.example/x", "a.example", "http a.example:80 /x"),
        ("GET", "http://a.example:8080/x", "a.example:8080", "http a.example:8080 /x"),
        ("GET", "http://a.example/x", "b.example", "host.mismatch"),
        ("GET", "https://a.example/x", "a.example", "proxy.https"),
        ("GET", "/x", "a.example", "proxy.direct"),
    ],
)
def test_outside_tls_target_and_host_agree(method: str, target: str, host: str | None, expected: str) -> None:
    assert _named(target, host, method, None) == expected


# --- DNS


def _query(name: bytes, tail: bytes = b"\0\1\0\1", flags: bytes = b"\1\0", count: int = 1) -> bytes:
    return b"\x12\x34" + flags + struct.pack(">HHHH", count, 0, 0, 0) + name + tail


def test_a_lookup_is_answered_with_no_such_name() -> None:
    query = _query(b"\3api\7example\3com\0")
    answer, name = dns.answer(query + b"additional")
    assert name == "api.example.com"
    assert answer == b"\x12\x34\x81\x83" + struct.pack(">HHHH", 1, 0, 0, 0) + query[12:]


@pytest.mark.parametrize(
    "query",
    [_query(b"\xc0\x0c"), _query(b"\3ap"), _query(b"\0", b""), _query(b"\0", count=2), _query(b"\x40" + b"a" * 64)],
)
def test_a_malformed_lookup_is_answered_with_a_failure(query: bytes) -> None:
    answer, _ = dns.answer(query)
    assert answer is not None
    assert (answer[:2], answer[3] & 15, len(answer)) == (b"\x12\x34", 2, 12)


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_any_datagram_is_answered_shortly_or_not_at_all(data: bytes) -> None:
    answer, name = dns.answer(data)
    assert answer is None or 12 <= len(answer) <= len(data)
    assert len(name) <= 255
    assert answer is None or dns.answer(answer)[0] is None


def test_a_flood_of_lookups_writes_few_lines() -> None:
    budget = dns.Budget(0.0)
    written = sum(budget.spend(second / 1000) for second in range(10_000))
    assert written <= 50 + 5 * 10 + 1
    assert budget.skipped == 10_000 - written


# --- refusals


def test_a_refusal_is_read_by_people_programs_and_clients() -> None:
    refusal = Refusal(403, "host.unlisted", 'a "b"\r\nX: y \u2603', "a route")
    head, _, body = response(refusal, close=True).partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b'HTTP/1.1 403 Forbidden by bottle: a "b"??X: y ?'
    assert b"Connection: close" in head
    document = json.loads(body)
    assert (document["rule"], document["ask"]) == ("host.unlisted", "a route")
    assert document["type"] == "error"
    assert "a route" in document["error"]["message"]
    assert response(refusal, close=False, body=False).endswith(b"\r\n\r\n")


def test_random_bytes_never_open_a_tunnel() -> None:
    random.seed(7)
    for _ in range(200):
        gate = HelloGate("a.example")
        data = b"\x16\x03\x01" + random.randbytes(200)
        gate.feed(data)
        assert not gate.is_open

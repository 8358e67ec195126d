"""Whatever comes in: requests, responses, authorities, targets, policies, a proxy's answer. One invariant each.

The suite tries the same hundred examples each time; `make fuzz` looks for new ones, as long as it is told to.
"""

import json
from contextlib import suppress
from typing import Any

import h11
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.egress_config import parse_reload, reload_document
from bottle.domain.hosts import Authority, InvalidHostError, authority
from bottle.domain.strict_json import ConfigError
from sidecars.egress.chain import reads_as_open
from sidecars.egress.door import Inside, named_inside, named_outside
from sidecars.egress.reader import END, ResponseReader
from sidecars.egress.refusal import Refused
from sidecars.egress.rules import build
from sidecars.egress.wire import ResponseHead, request_head
from sidecars.egress.writing import LAST_CHUNK, chunk, write_response
from tests.egress.test_gadgets import written
from tests.support.http_readers import by_h11, by_h11_first

PIECES = st.sampled_from([
    b"GET ", b"POST ", b"/a", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"Host: h\r\n", b"\r\n", b"\n", b"\r", b":", b" ",
    b"\t", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n", b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"X: y\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"\0",
    b"\xff",
    b"GET /a HTTP/1.1\r\nHost: h\r\n", b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 304 X\r\n", b"HTTP/1.1 101 S\r\n",
])  # fmt: skip
STREAMS = st.lists(PIECES | st.binary(max_size=3), max_size=14).map(b"".join)
TEXTS = st.lists(
    st.sampled_from(["api", ".", "example.com", ":", "443", "80", "@", "[", "]", "::1", "%", "0x7f", "127.0.0.1", "/",
                     "\\", "*", "-", "_", "xn--", "\0", " ", "\u0430", "?", "#", ",", "https://", "http://", "/a",
                     "%2e", ";"])
    | st.characters(), max_size=8
).map("".join)  # fmt: skip


@given(STREAMS)
def test_every_request_that_leaves_is_one_request_to_h11(data: bytes) -> None:
    for message in written(data)[0]:
        assert message.partition(b"\r\n")[0].endswith(b" HTTP/1.1")
        reading = by_h11(message)
        assert reading is not None
        assert len(reading) == 1


@given(STREAMS, st.sampled_from(["GET", "HEAD"]))
def test_every_response_that_is_passed_on_is_one_response_to_h11(data: bytes, method: str) -> None:
    reader = ResponseReader()
    reader.expect(method)
    events = [*reader.feed(data), *reader.finish()]
    if not events or not isinstance(events[0], ResponseHead) or events[-1] is not END:
        return
    head = events[0]
    unframed = not head.bodyless and head.length is None and method != "HEAD"
    body = b"".join(event for event in events if isinstance(event, bytes))
    framed = (chunk(body) if body else b"") + LAST_CHUNK if unframed else body
    passed = write_response(head, chunked=unframed, close=False) + framed
    assert _as_a_client_reads(passed, method) == (head.status, body)


def _as_a_client_reads(data: bytes, method: str) -> tuple[int, bytes]:
    """Status and body of the one response that there is; h11 raises where there is none."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response, body = client.next_event(), b""
    assert isinstance(response, h11.Response | h11.InformationalResponse)
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert client.trailing_data[0] == b""
    return response.status_code, body


@given(TEXTS)
def test_an_authority_is_its_own_normal_form_or_none(text: str) -> None:
    try:
        found = authority(text, 443)
    except InvalidHostError:
        return
    assert authority(str(found)) == found
    assert set(str(found)) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")
    assert 1 <= found.port <= 65535


@given(TEXTS, TEXTS)
def test_no_target_and_host_lead_out_of_the_connect(target: str, host: str) -> None:
    connected = Authority("api.example.com", 443)
    for name, named_by in (
        ("inside", lambda head: named_inside(head, Inside.of(connected))),
        ("outside", named_outside),
    ):
        try:
            fields = [(b"Host", host.encode())]
            named = named_by(request_head(b"GET", target.encode(), "1.1", fields))
        except (Refused, UnicodeError):
            continue
        assert authority(host.strip(" \t"), 443 if name == "inside" else 80) == named.authority
        assert name == "outside" or named.authority == connected
        assert named.scheme == ("https" if name == "inside" else "http")
        assert named.target.startswith("/") or named.target == "*"


@given(TEXTS, st.sampled_from(["GET", "POST", "OPTIONS"]))
def test_what_is_judged_is_written_as_one_line_that_reads_back(target: str, method: str) -> None:
    rules = build(parse_reload({"policy": {"routes": [{"host": "api.example.com", "scheme": "http", "ports": [80]}]}}))
    try:
        ticket = rules.judge("http", Authority("api.example.com", 80), method, f"/{target}")
    except Refused:
        return
    assert ticket.start.count(b"\r\n") == 2
    assert by_h11_first(ticket.start + b"\r\n") == b""
    line = ticket.start.partition(b"\r\n")[0].decode("ascii")
    assert line == f"{method} {ticket.request.target} HTTP/1.1"


DOCUMENT: dict[str, Any] = {
    "policy": {
        "version": 3,
        "routes": [
            {
                "host": "*.example.com", "scheme": "https", "ports": [443], "methods": ["GET"], "paths": ["/v1"],
                "inject": {"header": "authorization", "scheme": "Bearer", "slot": "T"}, "scan": True,
                "private_ips": ["10.0.0.0/8"], "connect_to": {"address": "10.0.0.1", "port": None}, "source": "bottle",
            },
        ],
    },
    "secrets": {"T": "hush-hush"},
    "leaves": [{"host": "*.example.com", "certificate": "C", "key": "hush-key"}],
}  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.just("hush-hush")
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """The document with some of its nodes, keys and items exchanged, added or removed."""
    document = json.loads(json.dumps(DOCUMENT))
    for _ in range(draw(st.integers(1, 3))):
        node = document
        while isinstance(node, dict | list) and node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[key], dict | list) or draw(st.booleans()):
                break
            node = node[key]
        if isinstance(node, dict | list) and node:
            change = draw(st.sampled_from(["replace", "remove", "add"]))
            if change == "remove":
                del node[key]
            elif change == "replace":
                node[key] = draw(JSON)
            elif isinstance(node, dict):
                node[draw(TEXTS)] = draw(JSON)
            else:
                node.append(draw(JSON))
    return document


@given(documents())
def test_a_policy_reads_as_it_is_written_or_is_refused_without_a_secret(document: Any) -> None:
    try:
        found = parse_reload(document)
    except ConfigError as error:
        said = str(error)
    else:
        said = repr(found)
        assert parse_reload(json.loads(json.dumps(reload_document(found)))) == found
    assert "hush" not in said


@given(st.lists(PIECES | st.sampled_from([b"HTTP/1.1 407 X\r\n"]) | st.binary(max_size=3), max_size=6).map(b"".join))
def test_a_proxys_answer_opens_a_tunnel_or_is_refused(data: bytes) -> None:
    place = Authority("api.example.com", 443)
    if data.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")) and data.find(b"\r\n\r\n") == len(data) - 4:
        with suppress(Refused):  # a status line may be odd behind its status
            assert reads_as_open(data, place)
        return
    with suppress(Refused):
        assert not reads_as_open(data, place)

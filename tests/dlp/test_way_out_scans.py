"""The scanner in the running way out: nothing of a secret reaches the origin, the agent and the trail are told why."""

import base64
import gzip
import http.client
import json
import re
import ssl
from typing import Any

import pytest

from tests.dlp.scanning import OPAQUE, PHRASE
from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Origin, Sidecar, curl, route, wait_until
from tests.egress.websockets_origin import BINARY, FIN, PING, TEXT, RawPair, frame, read_frame

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
GIVEN: dict[str, Any] = {"given": {"OPAQUE": OPAQUE, "PHRASE": PHRASE}}
URL = f"https://{HOST}/v1"


@pytest.fixture
def origin(make_origin: MakeOrigin) -> Origin:
    made: Origin = make_origin(HOST)
    return made


@pytest.fixture
def sidecar(make_sidecar: MakeSidecar, origin: Origin) -> Sidecar:
    made: Sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN}, **GIVEN)
    return made


REQUESTS: dict[str, list[str]] = {
    "a path": [f"{URL}/{OPAQUE}"],
    "a path in pieces": [f"{URL}/{OPAQUE[:9]}/{OPAQUE[9:]}"],
    "a query": [f"{URL}?q={base64.urlsafe_b64encode(PHRASE.encode()).decode()}"],
    "two parameters": [f"{URL}?a={OPAQUE[:13]}&b={OPAQUE[13:]}"],
    "a header": ["-H", f"X-Trace: {PHRASE.upper()}", URL],
    "a header that is not passed on": ["-H", f"Authorization: Bearer {OPAQUE}", URL],
    "two headers": ["-H", f"X-A: {OPAQUE[:13]}", "-H", f"X-B:{OPAQUE[13:]}", URL],
    "a cookie": ["-b", f"session={OPAQUE.encode().hex()}", URL],
    "basic credentials": ["-u", f"me:{PHRASE}", URL],
    "a header for the proxy": ["--proxy-header", f"X-A: {PHRASE}", URL],
    "a body": ["-d", f"text={PHRASE}", URL],
    "a chunked body": ["-H", "Transfer-Encoding: chunked", "-d", f"text={PHRASE}", URL],
    "a body after 100-continue": ["-H", "Expect: 100-continue", "-d", f"text={PHRASE}", URL],
    "the injected credential": ["-d", json.dumps({"text": TOKEN}), URL],
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_secret_is_refused_and_reaches_no_origin(name: str, sidecar: Sidecar, origin: Origin) -> None:
    done = curl(sidecar, *REQUESTS[name])
    line = sidecar.wait_for_trail(1)[-1]
    assert (line["allowed"], line["status"]) == (False, 403)
    assert line["rule"].startswith("dlp.")
    assert "fingerprint" in line["reason"]
    if name != "a header for the proxy":  # curl shows nothing of a refused CONNECT's body
        told = json.loads(done.stdout)
        assert (told["rule"], bool(told["fingerprint"]), bool(told["place"])) == (line["rule"], True, True)
        assert told["fingerprint"] in told["ask"]
    assert origin.received == []
    said = sidecar.everything_said().lower() + done.stdout.decode().lower()
    assert not any(value[-9:].lower() in said for value in (OPAQUE, PHRASE, TOKEN))


def test_what_is_clean_passes_byte_for_byte(sidecar: Sidecar, origin: Origin) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": f"line {at}\n" * 40} for at in range(900)]}).encode()
    for data in (b"x", body, bytes(300_000)):
        assert _post(sidecar, data) == (200, b"hello")
    assert [received.body for received in origin.received] == [b"x", body, bytes(300_000)]


def test_packed_content_passes_when_it_is_clean(sidecar: Sidecar, origin: Origin) -> None:
    packed = gzip.compress(b"a package " * 50_000)
    assert _post(sidecar, packed, {"Content-Encoding": "gzip"}) == (200, b"hello")
    assert origin.received[0].body == packed
    status, told = _post(sidecar, gzip.compress(PHRASE.encode()), {"Content-Encoding": "gzip"})
    assert (status, json.loads(told)["rule"]) == (403, "dlp.value")
    status, told = _post(sidecar, b"anything", {"Content-Encoding": "compress"})
    assert (status, json.loads(told)["rule"]) == (403, "dlp.unreadable")
    assert len(origin.received) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_secret_late_in_a_long_body_is_refused_before_it_leaves(
    sidecar: Sidecar, origin: Origin, chunked: bool
) -> None:
    """What came before it has left already; the origin sees an incomplete request and nothing of the secret."""
    body = b"padding " * 600_000 + PHRASE.encode() + b" padding" * 1000
    pieces: Any = (body[at : at + 65_536] for at in range(0, len(body), 65_536)) if chunked else body
    status, told = _post(sidecar, pieces)
    assert (status, json.loads(told)["rule"]) == (403, "dlp.value")
    assert origin.received == []


def test_the_same_secret_has_the_same_fingerprint_however_it_is_spelled(sidecar: Sidecar) -> None:
    told = [json.loads(_post(sidecar, text)[1]) for text in (PHRASE.encode(), PHRASE.upper().encode().hex().encode())]
    assert told[0]["fingerprint"] == told[1]["fingerprint"]


def test_requests_with_long_heads_keep_their_order_and_bodies(sidecar: Sidecar, origin: Origin) -> None:
    """While a thread looks at a head, what follows on the connection waits."""
    host, long = f"Host: {HOST}\r\n", f"X-Long: {'word ' * 6000}\r\n"
    first = f"POST /1 HTTP/1.1\r\n{host}{long}Content-Length: 5\r\n\r\nfirst"
    second = f"POST /2 HTTP/1.1\r\n{host}{long}Content-Length: 6\r\n\r\nsecond"
    leaking = f"POST /3 HTTP/1.1\r\n{host}{long}X-More: {PHRASE}\r\nContent-Length: 5\r\n\r\nthird"
    fourth = f"POST /4 HTTP/1.1\r\n{host}Content-Length: 6\r\nConnection: close\r\n\r\nfourth"
    connection = _tunnel(sidecar)
    connection.connect()
    connection.sock.sendall((first + second + leaking + fourth).encode())
    answers = connection.sock.makefile("rb").read()
    connection.close()
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200", b"403", b"200"]
    assert b"the header x-more" in answers
    assert [(one.target, one.body) for one in origin.received] == [
        ("/1", b"first"), ("/2", b"second"), ("/4", b"fourth"),
    ]  # fmt: skip


def test_a_connect_needs_no_long_head(sidecar: Sidecar) -> None:
    done = curl(sidecar, "--proxy-header", f"X-Long: {'word ' * 6000}", URL)
    assert done.returncode != 0
    assert sidecar.wait_for_trail(1)[-1]["status"] == 431


def test_a_route_that_is_not_scanned_lets_content_pass(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, scan=False, methods=["POST"])], **GIVEN)
    assert _post(sidecar, PHRASE.encode()) == (200, b"hello")


def test_values_that_come_with_a_reload_are_looked_for_from_then_on(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)])
    assert _post(sidecar, PHRASE.encode())[0] == 200
    assert sidecar.reload([route(HOST, origin)], **GIVEN)["event"] == "ready"
    assert _post(sidecar, PHRASE.encode())[0] == 403
    assert sidecar.reload([route(HOST, origin)], version=3)["event"] == "ready"
    assert _post(sidecar, PHRASE.encode())[0] == 403


@pytest.fixture
def raw(sidecar: Sidecar, origin: Origin) -> RawPair:
    pair = RawPair()
    origin.answer = pair.answer
    return pair


MESSAGES: dict[str, list[bytes]] = {
    "text": [frame(FIN | TEXT, PHRASE.encode(), masked=True)],
    "binary": [frame(FIN | BINARY, gzip.compress(PHRASE.encode()), masked=True)],
    "frames": [frame(TEXT, PHRASE[:12].encode(), masked=True), frame(FIN, PHRASE[12:].encode(), masked=True)],
    "ping": [frame(FIN | PING, PHRASE.encode(), masked=True)],
    "a long message": [frame(TEXT, b"x " * 100_000, masked=True), frame(FIN, PHRASE.encode(), masked=True)],
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_secret_in_a_websocket_ends_it(name: str, raw: RawPair, sidecar: Sidecar) -> None:
    near = raw.open(sidecar, HOST)
    near.sendall(b"".join(MESSAGES[name]))
    first, payload = read_frame(near)[:2]
    assert (first & 15, payload[:2]) == (8, (1008).to_bytes(2))
    line = sidecar.wait_for_trail(1)[-1]
    assert (line["allowed"], line["rule"]) == (False, "dlp.value")


def test_a_value_that_leaves_in_pieces_does_not_leave_whole(sidecar: Sidecar, origin: Origin) -> None:
    """The last piece is refused, however often it is tried; what has nothing to do with it passes."""
    pieces = [OPAQUE[at : at + 5] for at in range(0, len(OPAQUE), 5)]
    bodies = [json.dumps({"i": number, "a": piece}).encode() for number, piece in enumerate(pieces)]
    assert [_post(sidecar, body)[0] for body in bodies[:-1]] == [200] * (len(bodies) - 1)
    told = [_post(sidecar, bodies[-1]) for _ in range(2)]
    assert [status for status, _ in told] == [403, 403]
    assert json.loads(told[0][1])["place"] == "the bodies of several requests"
    assert _post(sidecar, b'{"i": 99, "a": "hello"}')[0] == 200
    assert not any(bodies[-1] == received.body for received in origin.received)


def test_many_scan_at_a_time_and_nobody_waits_for_the_longest(sidecar: Sidecar, origin: Origin) -> None:
    """A long body is looked at beside the loop: a short request in the middle of it is answered."""
    body = b"text of no interest, " * 400_000
    slow = _tunnel(sidecar)
    slow.putrequest("POST", "/long")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[: len(body) // 2])
    assert _post(sidecar, b"short") == (200, b"hello")
    slow.send(body[len(body) // 2 :])
    assert slow.getresponse().status == 200
    slow.close()
    wait_until(lambda: len(origin.received) == 2)


def _tunnel(sidecar: Sidecar) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(sidecar.ca_file))
    connection = http.client.HTTPSConnection("127.0.0.1", sidecar.port, context=context, timeout=60)
    connection.set_tunnel(HOST, 443)
    return connection


def _post(sidecar: Sidecar, body: Any, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One POST through the proxy: status and body of the answer."""
    connection = _tunnel(sidecar)
    try:
        connection.request("POST", "/v1", body=body, headers=headers or {})
    except OSError:  # refused while it was sending; the answer is there all the same
        pass
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()

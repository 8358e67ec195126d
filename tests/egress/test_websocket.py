"""WebSockets through the running sidecar: the handshake, messages both ways, what is refused, and how it ends."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, Sidecar, TestCa, ok, read_head, route, tunnel, wait_until
from tests.egress.test_streams import Watch
from tests.egress.websockets_origin import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    EchoServer,
    RawPair,
    accept,
    frame,
    handshake,
    open_websocket,
    read_frame,
)

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
BUFFERS = 24 * 1024 * 1024
URL = f"wss://{HOST}/ws"


@pytest.fixture
def echo(world_ca: TestCa) -> Iterator[EchoServer]:
    server = EchoServer(world_ca, HOST)
    yield server
    server.close()


@pytest.fixture
def raw() -> Iterator[RawPair]:
    pair = RawPair()
    yield pair
    pair.close()


# --- a real client and a real server


def test_messages_pass_both_ways_with_the_routes_credential(echo: EchoServer, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, echo.port, inject=INJECT)], {"T": TOKEN})
    mine = {"Authorization": "Bearer mine"}
    with open_websocket(sidecar, URL, additional_headers=mine, subprotocols=["other", "chat"]) as client:
        for message in ("hello", "gr\u00fc\u00dfe \u2603 \U0001f300", b"\x00\xff" * 70_000, "", b"", "x" * 70_000):
            client.send(message)
            assert client.recv(timeout=60) == message
        client.send(["in ", "three ", "parts"])
        assert client.recv(timeout=60) == "in three parts"
        assert client.ping().wait(60)
        assert echo.opened[0].ping().wait(60)
        assert client.subprotocol == "chat"
    headers = echo.opened[0].request
    assert headers is not None
    assert headers.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "Sec-WebSocket-Extensions" not in headers.headers
    (opened, line) = sidecar.wait_for_trail(2, opened=True)
    assert (opened["kind"], opened["path"], opened["status"]) == ("opened", "/ws", None)
    assert (line["kind"], line["id"], line["status"], line["allowed"], line["rule"]) == (
        "http", opened["id"], 101, True, "route")  # fmt: skip
    assert line["reason"] == "the WebSocket was closed by the agent with 1000 and the origin with 1000"
    assert line["bytes_out"] > 210_000
    assert line["bytes_in"] > 210_000


def test_a_message_of_sixty_megabytes_passes_in_bounded_memory(echo: EchoServer, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, echo.port, inject=INJECT, scan=False)], {"T": TOKEN})
    message = os.urandom(60_000_000)
    with open_websocket(sidecar, URL) as client:
        client.send("first")
        client.recv(timeout=300)
        with Watch(sidecar) as watch:
            client.send(message)
            assert client.recv(timeout=300) == message
    assert watch.most - watch.before < BUFFERS


def test_who_takes_nothing_stops_the_other_side(world_ca: TestCa, make_sidecar: MakeSidecar) -> None:
    sent = 0

    def flood(connection: object) -> None:
        nonlocal sent
        for _ in range(60):
            connection.send(bytes(1 << 20))  # type: ignore[attr-defined]
            sent += 1

    server = EchoServer(world_ca, HOST, flood)
    sidecar = make_sidecar([route(HOST, server.port)])
    with open_websocket(sidecar, URL, max_queue=1) as client, Watch(sidecar) as watch:
        time.sleep(1)
        assert sent < 30
        for _ in range(60):
            assert len(client.recv(timeout=60)) == 1 << 20
    assert watch.most - watch.before < BUFFERS
    server.close()


def test_an_echoed_credential_is_removed_from_messages(echo: EchoServer, make_sidecar: MakeSidecar) -> None:
    """The agent cannot know the value; that it does here only spares a server that would tell it."""
    sidecar = make_sidecar([route(HOST, echo.port, inject=INJECT, scan=False)], {"T": TOKEN})
    stars = "*" * len(TOKEN)
    with open_websocket(sidecar, URL) as client:
        client.send(f"you sent {TOKEN}.")
        assert client.recv(timeout=60) == f"you sent {stars}."
        client.send(["\u2603", *TOKEN, "\u2603"])
        assert client.recv(timeout=60) == f"\u2603{stars}\u2603"
        client.send(TOKEN.encode() * 20_000)
        assert client.recv(timeout=60) == stars.encode() * 20_000
        client.close(4000, TOKEN)
    assert client.close_code == 4000


UNSCANNED: dict[str, Any] = {"scan": False, "methods": ["GET"]}
"""A route whose frames pass as they come; a message that is scanned comes out whole."""


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_the_servers_close_code_and_reason_arrive(world_ca: TestCa, make_sidecar: MakeSidecar, code: int) -> None:
    server = EchoServer(world_ca, HOST, lambda connection: connection.close(code, f"so be it {TOKEN}"))
    sidecar = make_sidecar([route(HOST, server.port, inject=INJECT)], {"T": TOKEN})
    with open_websocket(sidecar, URL) as client, pytest.raises(ConnectionClosed):
        client.recv(timeout=60)
    assert (client.close_code, client.close_reason) == (code, f"so be it {'*' * len(TOKEN)}")
    assert f"the origin with {code}" in sidecar.wait_for_trail(1)[0]["reason"]
    server.close()


def test_a_reload_that_takes_the_route_ends_the_connection(echo: EchoServer, make_sidecar: MakeSidecar) -> None:
    routes = [route(HOST, echo.port)]
    sidecar = make_sidecar(routes)
    with open_websocket(sidecar, URL) as client:
        sidecar.reload(routes, 2)
        client.send("still here")
        assert client.recv(timeout=60) == "still here"
        sidecar.reload([route(HOST, echo.port, paths=["/elsewhere"])], 3)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=60)
    assert client.close_code == 1008
    line = sidecar.wait_for_trail(1)[0]
    assert (line["rule"], line["reason"]) == ("websocket.policy", "the route is gone")
    wait_until(lambda: echo.opened[0].close_code == 1008)


def test_the_end_of_the_sidecar_ends_it(echo: EchoServer, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, echo.port)])
    with open_websocket(sidecar, URL) as client:
        sidecar.process.terminate()
        assert sidecar.process.wait(60) == 0
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=60)
    assert sidecar.trail()[0]["reason"] == "the sidecar stopped"


def test_a_websocket_over_plain_http(make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(answer=raw.answer), scheme="http", ports=[80])])
    with socket.create_connection(("127.0.0.1", sidecar.port), timeout=60) as connection:
        connection.sendall(handshake(HOST).replace(b"GET /ws", f"GET http://{HOST}/ws".encode()))
        assert read_head(connection).startswith(b"HTTP/1.1 101 ")
        connection.sendall(frame(FIN | TEXT, b"hello", masked=True))
        wait_until(lambda: raw.origin is not None)
        assert read_frame(raw.far) == (FIN | TEXT, b"hello", True)


# --- the handshake


def test_the_handshake_is_written_anew(make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair) -> None:
    origin = make_origin(HOST, answer=raw.answer)
    sidecar = make_sidecar([route(HOST, origin)])
    raw.more = (
        "Sec-WebSocket-Extensions: permessage-deflate\r\nSec_WebSocket_Key: x\r\nConnection: x-gone\r\nX-Gone: 1\r\n"
        "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-mine, beta\r\nOrigin: https://a.example\r\n"
    )
    raw.open(sidecar, HOST)
    (received,) = origin.received
    assert received.header("sec-websocket-key") != ["AAAAAAAAAAAAAAAAAAAAAA=="]
    assert received.header("sec-websocket-protocol") == ["realtime, beta"]
    assert (received.header("connection"), received.header("upgrade")) == (["Upgrade"], ["websocket"])
    assert received.header("origin") == ["https://a.example"]
    names = {name for name, _ in received.headers}
    assert not names & {"sec-websocket-extensions", "sec_websocket_key", "x-gone", "content-length"}


BAD_HANDSHAKES = [
    (b"Version: 13", b"Version: 12", 400),
    (b"Sec-WebSocket-Version: 13\r\n", b"", 400),
    (b"Key: AAAA", b"Key: AAA", 400),
    (b"Key: AAAA", b"Key: !!!!", 400),
    (b"Key: A", b"Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: A", 400),
    (b"GET ", b"PUT ", 400),
    (b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc", 400),
    (b"Upgrade: websocket", b"Upgrade: h2c", 426),
    (b"Upgrade: websocket", b"Upgrade: websocket, h2c", 426),
    (b"Upgrade: websocket", b"Upgrade: websocket\r\nUpgrade: h2c", 400),
    (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: a, a\r\n\r\n", 400),
    (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: a b\r\n\r\n", 400),
    (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol:\r\n\r\n", 400),
    (b"\r\n\r\n", b"\r\n\r\n" + frame(FIN | TEXT, b"early", masked=True), 400),
    (b"GET /ws", b"GET /elsewhere", 403),
    (f"Host: {HOST}".encode(), b"Host: evil.example", 421),
]


def test_a_handshake_that_is_not_in_order_goes_nowhere(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, paths=["/ws"])])
    for old, new, status in BAD_HANDSHAKES:
        connection = tunnel(sidecar, f"{HOST}:443")
        connection.sendall(handshake(HOST).replace(old, new))
        assert Response(connection).status == status, new
        assert connection.recv(10) == b""
    assert origin.connections == 0


def test_frames_before_the_101_end_the_connection(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    asked = threading.Event()

    def late(_received: Received, connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=late))])
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(handshake(HOST))
    assert asked.wait(60)
    connection.sendall(frame(FIN | TEXT, b"early", masked=True))
    assert Response(connection).json["rule"] == "websocket.early"


BAD_ANSWERS = [
    lambda received: accept(received, key="AAAAAAAAAAAAAAAAAAAAAA=="),
    lambda received: accept(received).replace(b"Upgrade: WebSocket", b"Upgrade: h2c"),
    lambda received: accept(received).replace(b"Sec-WebSocket-Accept", b"X-Accept"),
    lambda received: accept(received, "Sec-WebSocket-Accept: again"),
    lambda received: accept(received).replace(b"Connection: keep-alive, Upgrade\r\n", b""),
    lambda received: accept(received, "Sec-WebSocket-Extensions: permessage-deflate"),
    lambda received: accept(received, "Sec-WebSocket-Protocol: unasked"),
    lambda received: accept(received, "Content-Length: 5"),
    lambda received: accept(received, "Transfer-Encoding: chunked"),
]


def test_a_101_that_answers_something_else_is_a_502(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    answers = iter(BAD_ANSWERS)
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=lambda received, _: next(answers)(received)))])
    for _ in BAD_ANSWERS:
        connection = tunnel(sidecar, f"{HOST}:443")
        connection.sendall(handshake(HOST))
        response = Response(connection)
        assert response.status == 502
        assert response.json["rule"] in ("websocket.handshake", "upstream.response")
        assert connection.recv(10) == b""


def test_an_origin_that_will_not_is_heard(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST, answer=lambda *_: ok(b"no", "X-Why: because").replace(b"200 OK", b"401 No"))
    sidecar = make_sidecar([route(HOST, origin)])
    with pytest.raises(InvalidStatus) as error, open_websocket(sidecar, URL):
        pass
    assert (error.value.response.status_code, error.value.response.headers["X-Why"]) == (401, "because")


def test_what_came_with_the_101_is_passed_on(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    def eager(received: Received, connection: socket.socket) -> None:
        connection.sendall(accept(received, f"X-Echo: {TOKEN}") + frame(FIN | TEXT, b"at once", masked=False))
        connection.recv(1)

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=eager), inject=INJECT)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(handshake(HOST))
    head = read_head(connection)
    assert TOKEN.encode() not in head
    assert b"Sec-Websocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=".lower() in head.lower()
    assert read_frame(connection) == (FIN | TEXT, b"at once", False)


# --- frames by hand


def test_frames_pass_in_single_bytes_and_control_frames_between_them(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair
) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=raw.answer), **UNSCANNED)])
    near = raw.open(sidecar, HOST)
    frames = [(TEXT, b"one "), (FIN | PING, b"p"), (CONTINUATION, b"two "), (FIN | PONG, b"q")]
    frames += [(FIN | CONTINUATION, b"three"), (FIN | BINARY, bytes(300)), (FIN | CLOSE, b"\x03\xe8bye")]
    for source, sink, masked in ((near, raw.far, True), (raw.far, near, False)):
        for byte in b"".join(frame(first, payload, masked=masked) for first, payload in frames):
            source.sendall(bytes([byte]))
        assert [read_frame(sink) for _ in frames] == [(first, payload, masked) for first, payload in frames]
    assert read_frame(near)[0] == -1
    assert sidecar.wait_for_trail(1)[0]["reason"].endswith("the agent with 1000 and the origin with 1000")


BAD_FRAMES: list[tuple[str, Callable[[bool], bytes], int]] = [
    ("the wrong mask", lambda masked: frame(FIN | TEXT, b"x", masked=not masked), 1002),
    ("a reserved bit", lambda masked: frame(FIN | 0x40 | TEXT, b"x", masked=masked), 1002),
    ("a reserved opcode", lambda masked: frame(FIN | 3, b"x", masked=masked), 1002),
    ("a reserved control opcode", lambda masked: frame(FIN | 11, b"x", masked=masked), 1002),
    ("a long ping", lambda masked: frame(FIN | PING, bytes(126), masked=masked), 1002),
    ("a cut ping", lambda masked: frame(PING, b"x", masked=masked), 1002),
    ("no UTF-8", lambda masked: frame(FIN | TEXT, b"\xc3\x28", masked=masked), 1007),
    ("half a character", lambda masked: frame(FIN | TEXT, b"\xe2\x98", masked=masked), 1007),
    ("a surrogate", lambda masked: frame(FIN | TEXT, b"\xed\xa0\x80", masked=masked), 1007),
    ("a long form", lambda masked: frame(FIN | TEXT, b"x", masked=masked, length=b"\x7e\0\x01"), 1002),
    ("a length of 2**63", lambda masked: frame(FIN | TEXT, b"", masked=masked, length=b"\x7f\x80" + bytes(7)), 1002),
    ("more of nothing", lambda masked: frame(FIN | CONTINUATION, b"x", masked=masked), 1002),
    ("a message in a message", lambda masked: frame(TEXT, b"x", masked=masked) * 2, 1002),
    ("a close of one byte", lambda masked: frame(FIN | CLOSE, b"x", masked=masked), 1002),
    ("a close with 1005", lambda masked: frame(FIN | CLOSE, b"\x03\xed", masked=masked), 1002),
    ("a close with 999", lambda masked: frame(FIN | CLOSE, b"\x03\xe7", masked=masked), 1002),
    ("a close in no UTF-8", lambda masked: frame(FIN | CLOSE, b"\x03\xe8\xff", masked=masked), 1007),
    ("no WebSocket at all", lambda masked: b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 1002),
]


@pytest.mark.parametrize("from_agent", [True, False])
def test_who_breaks_the_rules_is_told_and_let_go(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, from_agent: bool
) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)])
    for number, (name, make, code) in enumerate(BAD_FRAMES, 1):
        raw = RawPair()
        origin.answer = raw.answer
        _break_the_rules(sidecar, raw, make, code, from_agent)
        line = sidecar.wait_for_trail(number)[-1]
        assert (line["rule"], line["reason"].endswith(f"(close code {code})")) == ("websocket.frame", True), name
        raw.close()


def _break_the_rules(
    sidecar: Sidecar, raw: RawPair, make: Callable[[bool], bytes], code: int, from_agent: bool
) -> None:
    """One side sends what it must not: it is told what it did, and the other that the connection is over."""
    near = raw.open(sidecar, HOST)
    source, sink = (near, raw.far) if from_agent else (raw.far, near)
    source.sendall(frame(FIN | TEXT, b"good", masked=from_agent) + make(from_agent))
    assert read_frame(sink) == (FIN | TEXT, b"good", from_agent)
    assert read_frame(source)[:2] == (FIN | CLOSE, code.to_bytes(2))
    first, payload, _ = read_frame(sink)
    while first in (TEXT, FIN | PING):
        first, payload, _ = read_frame(sink)
    assert (first, payload) == (FIN | CLOSE, (1001 if from_agent else 1011).to_bytes(2))
    assert (read_frame(source)[0], read_frame(sink)[0]) == (-1, -1)


def test_a_message_that_is_too_long_ends_the_connection(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair
) -> None:
    sidecar = make_sidecar(
        [route(HOST, make_origin(HOST, answer=raw.answer), **UNSCANNED)], limits={"WEBSOCKET_MESSAGE": 1000}
    )
    near = raw.open(sidecar, HOST)
    near.sendall(frame(BINARY, bytes(600), masked=True) + frame(FIN | CONTINUATION, bytes(400), masked=True))
    assert [read_frame(raw.far)[:2] for _ in range(2)] == [(BINARY, bytes(600)), (FIN | CONTINUATION, bytes(400))]
    near.sendall(frame(BINARY, bytes(600), masked=True) + frame(CONTINUATION, bytes(401), masked=True))
    assert read_frame(near)[:2] == (FIN | CLOSE, (1009).to_bytes(2))


@pytest.mark.parametrize("side", ["near", "far"])
def test_a_side_that_vanishes_takes_the_other_with_it(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair, side: str
) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=raw.answer))])
    near = raw.open(sidecar, HOST)
    gone, stays = (near, raw.far) if side == "near" else (raw.far, near)
    gone.shutdown(socket.SHUT_RDWR)
    assert read_frame(stays)[0] == -1
    line = sidecar.wait_for_trail(1)[0]
    who = "the agent" if side == "near" else "the origin"
    assert (line["rule"], line["reason"]) == ("websocket.lost", f"{who} hung up without a close frame")


MOMENT = 0.4


def test_a_websocket_without_frames_is_closed(make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair) -> None:
    limits = {"WEBSOCKET_IDLE_SECONDS": MOMENT}
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=raw.answer))], limits=limits)
    near = raw.open(sidecar, HOST)
    assert read_frame(near)[:2] == (FIN | CLOSE, (1001).to_bytes(2))
    assert read_frame(raw.far)[:2] == (FIN | CLOSE, (1001).to_bytes(2))
    assert sidecar.wait_for_trail(1)[0]["rule"] == "websocket.idle"


def test_a_close_without_an_answer_is_the_end_after_a_moment(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair
) -> None:
    limits = {"WEBSOCKET_CLOSE_SECONDS": MOMENT}
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=raw.answer))], limits=limits)
    near = raw.open(sidecar, HOST)
    near.sendall(frame(FIN | CLOSE, masked=True) + frame(FIN | TEXT, b"after the close", masked=True))
    assert read_frame(raw.far)[:2] == (FIN | CLOSE, b"")
    assert read_frame(near)[0] == -1
    assert read_frame(raw.far)[0] == -1
    assert sidecar.wait_for_trail(1)[0]["reason"] == "the WebSocket was closed by the agent with 1005"


def test_an_agent_that_takes_no_frames_is_let_go(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, raw: RawPair
) -> None:
    limits = {"AGENT_STALL_SECONDS": MOMENT}
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=raw.answer))], limits=limits)
    raw.open(sidecar, HOST)
    big = frame(FIN | BINARY, bytes(60_000_000), masked=False)
    with pytest.raises(OSError, match=r"."):
        raw.far.sendall(big)
    assert sidecar.wait_for_trail(1)[0]["rule"] == "websocket.slow"

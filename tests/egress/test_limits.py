"""Whoever is too slow is let go, and is told why where that can be said. The limits are shortened to a moment."""

import socket
import time

import pytest

from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, connect, curl, ok, route, tunnel

HOST = "api.example.com"
MOMENT = 0.4


def _ends(connection: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    connection.settimeout(60)
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("data", [b"GET /", b"GET / HTTP/1.1\r\nHost: h\r\nX: "])
def test_headers_that_drip_are_cut_off(make_sidecar: MakeSidecar, data: bytes) -> None:
    sidecar = make_sidecar([], limits={"AGENT_HEAD_SECONDS": MOMENT, "LINGER_SECONDS": MOMENT})
    connection = connect(sidecar)
    connection.sendall(data)
    for _ in range(5):  # every byte in time, the whole too late
        time.sleep(MOMENT / 4)
        connection.sendall(b"x")
    assert _ends(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_a_request_is_closed(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([], limits={"AGENT_IDLE_SECONDS": MOMENT})
    assert _ends(connect(sidecar)) == b""


def test_a_body_that_stops_is_given_up(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    limits = {"AGENT_BODY_SECONDS": MOMENT, "LINGER_SECONDS": MOMENT}
    sidecar = make_sidecar([route(HOST, make_origin(HOST))], limits=limits)
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\nhalf".encode())
    assert _ends(connection).startswith(b"HTTP/1.1 408 ")
    assert [line["rule"] for line in sidecar.wait_for_trail(2)] == ["route", "http.slow"]


def test_an_agent_that_takes_nothing_is_let_go(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    big = ok(bytes(30_000_000))
    origin = make_origin(HOST, answer=lambda *_: big)
    sidecar = make_sidecar([route(HOST, origin)], limits={"AGENT_STALL_SECONDS": MOMENT})
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert sidecar.wait_for_trail(1)[0]["bytes_in"] < 30_000_000
    connection.close()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_an_origin_that_goes_silent_is_given_up(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, first: bytes
) -> None:
    def silent(_request: Received, connection: socket.socket) -> None:
        connection.sendall(first)
        connection.recv(1)

    limits = {"RESPONSE_SECONDS": MOMENT, "RESPONSE_IDLE_SECONDS": MOMENT}
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=silent))], limits=limits)
    done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}/")
    if first:
        assert done.returncode in (18, 56)
    else:
        assert done.stdout.endswith(b"504")
    assert sidecar.wait_for_trail(1)[0]["rule"] == "upstream.timeout"


def test_an_origin_that_does_not_shake_hands_is_given_up(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        limits = {"CONNECT_SECONDS": MOMENT, "UPSTREAM_HANDSHAKE_SECONDS": MOMENT}
        sidecar = make_sidecar([route(HOST, mute.getsockname()[1])], limits=limits)
        done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}/")
    assert done.stdout.endswith((b"502", b"504"))


def test_an_agent_that_does_not_shake_hands_is_let_go(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    limits = {"AGENT_HANDSHAKE_SECONDS": MOMENT, "TUNNEL_HELLO_SECONDS": MOMENT}
    routes = [route(HOST, make_origin(HOST)), route("raw.example.com", make_origin("raw.example.com"), scan=False)]
    sidecar = make_sidecar(routes, limits=limits)
    for host in (HOST, "raw.example.com"):
        connection = tunnel(sidecar, f"{host}:443", raw=True)
        connection.sendall(b"\x16\x03\x01")
        assert len(_ends(connection)) <= 7  # at most an alert


def test_a_kept_connection_is_closed_when_nobody_wants_it(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)], limits={"POOL_IDLE_SECONDS": MOMENT})
    connection = tunnel(sidecar, f"{HOST}:443")
    for wait in (0.0, 4 * MOMENT):
        time.sleep(wait)
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection).body == b"hello"
    assert origin.connections == 2


def test_a_trail_that_is_full_closes_the_way_out(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)], limits={"AUDIT_TOTAL": 2000})
    statuses = [curl(sidecar, "-o", "/dev/null", "-w", "%{http_code}", f"https://{HOST}/").stdout for _ in range(6)]
    assert statuses[0] == b"200"
    assert statuses[-1] == b"503"
    assert len(origin.received) < 6

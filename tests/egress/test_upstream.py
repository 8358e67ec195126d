"""The way to origins: which addresses are dialled, what failures look like, and which connections are used again."""

import ipaddress
import json
import socket
import threading
import time

import pytest

from bottle.domain.egress import Route
from bottle.domain.hosts import HostPattern
from sidecars.egress.dial import judge_addresses
from sidecars.egress.refusal import Refused
from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Origin, Received, Response, TestCa, curl, ok, route, tunnel
from tests.support.ports import free_port

HOST = "api.example.com"


@pytest.mark.parametrize(
    ("allowed", "addresses"),
    [
        (False, ["93.184.216.34", "127.0.0.1"]),
        (False, ["10.0.0.1"]),
        (False, ["::1"]),
        (False, ["::ffff:93.184.216.34"]),
        (False, ["93.184.216.34", "fe80::1"]),
        (False, ["169.254.169.254"]),
        (True, ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]),
        (True, ["192.168.7.1", "93.184.216.34"]),
    ],
)
def test_one_private_address_refuses_the_whole_answer(allowed: bool, addresses: list[str]) -> None:
    named = Route(HostPattern("x.example"), private_ips=(ipaddress.IPv4Network("192.168.7.0/24"),))
    found = [ipaddress.ip_address(address) for address in addresses]
    if allowed:
        judge_addresses(named, found)
    else:
        with pytest.raises(Refused) as refused:
            judge_addresses(named, found)
        assert refused.value.refusal.rule == "address.private"


def test_a_name_that_leads_to_a_private_address_is_not_dialled(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin("localhost")
    closed = {"host": "localhost", "ports": [origin.port]}
    sidecar = make_sidecar([closed])
    done = curl(sidecar, f"https://localhost:{origin.port}/")
    assert json.loads(done.stdout)["rule"] == "address.private"
    assert origin.connections == 0
    line = sidecar.wait_for_trail(1)[0]
    assert (line["allowed"], line["status"]) == (False, 403)
    both = ["127.0.0.0/8", "::1/128"]
    assert sidecar.reload([{**closed, "private_ips": both}])["event"] == "ready"
    assert curl(sidecar, f"https://localhost:{origin.port}/").stdout == b"hello"


def test_failures_on_the_way_are_told_apart(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, world_ca: TestCa
) -> None:
    refused = free_port()
    not_tls = make_origin()
    wrong_name = make_origin("other.example.com")
    old = Origin(tls=world_ca.issue("expired.example.com", expired=True))
    stranger = Origin(tls=TestCa("nobody").issue("stranger.example.com"))
    routes = [
        route("refused.example.com", refused),
        route("plain.example.com", not_tls),
        route("wrong.example.com", wrong_name),
        route("expired.example.com", old),
        route("stranger.example.com", stranger),
        {"host": "nowhere.invalid"},
    ]
    sidecar = make_sidecar(routes)
    expected = {
        "refused.example.com": "upstream.connect",
        "plain.example.com": "upstream.tls",
        "wrong.example.com": "upstream.certificate",
        "expired.example.com": "upstream.certificate",
        "stranger.example.com": "upstream.certificate",
        "nowhere.invalid": "upstream.dns",
    }
    for host, rule in expected.items():
        done = curl(sidecar, "-w", "%{http_code}", f"https://{host}/")
        assert done.stdout.endswith((b"502", b"504")), done
        assert json.loads(done.stdout[:-3])["rule"] == rule, host
    lines = sidecar.wait_for_trail(len(expected))
    assert [line["rule"] for line in lines] == list(expected.values())
    for origin in (old, stranger):
        origin.close()


BROKEN = [
    (None, "upstream.closed"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "upstream.response"),
    (b"nonsense", "upstream.response"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "upstream.response"),
]


def test_a_broken_response_becomes_a_502(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST, answer=lambda request, _: BROKEN[int(request.target[1:])][0])
    sidecar = make_sidecar([route(HOST, origin)])
    for number, (_, rule) in enumerate(BROKEN):
        done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}/{number}")
        assert done.stdout.endswith(b"502")
        assert json.loads(done.stdout[:-3])["rule"] == rule


def test_a_response_that_breaks_off_is_not_made_whole(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    def cut(_request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=cut))])
    assert curl(sidecar, f"https://{HOST}/").returncode in (18, 56)


def test_connections_are_used_again_within_a_route_and_never_across(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST)
    inject = {"header": "authorization", "scheme": "", "slot": "T"}
    sidecar = make_sidecar(
        [route(HOST, origin, paths=["/a"], inject=inject), route(HOST, origin, paths=["/b"])], {"T": TOKEN}
    )
    connection = tunnel(sidecar, f"{HOST}:443")
    for path in ("/a", "/a", "/b", "/b", "/a"):
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection).status == 200
    assert origin.connections == 2


def test_a_dead_kept_connection_is_replaced_for_what_may_be_repeated(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    """The origin closes without an answer on a connection's second request: a GET is sent again, a POST is not."""
    seen: set[int] = set()

    def second_time_close(request: Received, connection: socket.socket) -> bytes | None:
        first = connection.fileno() not in seen
        seen.add(connection.fileno())
        if first:
            return ok(request.method.encode())
        seen.discard(connection.fileno())
        return None

    origin = make_origin(HOST, answer=second_time_close)
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    statuses = []
    for method in ("GET", "GET", "POST"):
        connection.sendall(f"{method} / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode())
        statuses.append(Response(connection).status)
    assert statuses == [200, 200, 502]


def test_what_an_origin_says_unasked_is_not_the_next_answer(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    poison = ok(b"first") + ok(b"poison")
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=lambda *_: poison))])
    connection = tunnel(sidecar, f"{HOST}:443")
    for _ in range(3):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection).body == b"first"


def test_a_body_that_the_origin_overlooks_is_read_as_no_request(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    """An origin that takes a GET's body for the next request would hand it the credential of the one after that."""
    hidden = f"POST /keep HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 900\r\n\r\n"
    origin = make_origin(HOST)
    inject = {"header": "authorization", "scheme": "", "slot": "T"}
    sidecar = make_sidecar([route(HOST, origin, inject=inject)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")
    head = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(hidden)}\r\n\r\n"
    for request in (head + hidden, f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"):
        connection.sendall(request.encode())
        assert Response(connection).status == 200
    first, second = origin.received
    assert (first.header("connection"), second.header("connection")) == (["close"], [])
    assert origin.connections == 2


def test_many_requests_at_a_time(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    def slowly(request: Received, _socket: socket.socket) -> bytes:
        time.sleep(0.05)
        return ok(request.target.encode())

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=slowly))])
    answers: list[bool] = []

    def ask(number: int) -> None:
        connection = tunnel(sidecar, f"{HOST}:443")
        for turn in range(3):
            connection.sendall(f"GET /{number}/{turn} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            answers.append(Response(connection).body == f"/{number}/{turn}".encode())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 90
    assert len(sidecar.wait_for_trail(90)) == 90

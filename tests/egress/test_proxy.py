"""The running sidecar, from the agent's place: what gets out, how it looks when it does, and what is said otherwise."""

import json
import socket
import ssl
import time

from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, connect, curl, ok, read_head, route, tunnel, wait_until
from tests.egress.test_wire import REFUSED

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}


def test_an_allowed_request_arrives_with_the_routes_credential_alone(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN})
    headers = [
        "Authorization: Bearer mine",
        "X-Api-Key: mine",
        "x_api_key: mine",
        "Connection: authorization, x-b",
        "X-B: b",
    ]
    done = curl(sidecar, *(word for header in headers for word in ("-H", header)), f"https://{HOST}/a%2fb?q=1")
    assert done.stdout == b"hello"
    (received,) = origin.received
    assert received.target == "/a%2fb?q=1"
    assert received.header("host") == [HOST]
    assert received.header("authorization") == [f"Bearer {TOKEN}"]
    assert b"mine" not in received.raw
    assert received.header("x-b") == []


def test_the_credential_goes_to_its_own_route_alone(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST, "other.example.com", "plain.example.com")
    plain = make_origin()
    routes = [
        route(HOST, origin, inject=INJECT, paths=["/with"]),
        route(HOST, origin, paths=["/without"]),
        route("*.example.com", origin),
        route("http.example.com", plain, scheme="http", ports=[80]),
    ]
    sidecar = make_sidecar(routes, {"T": TOKEN})
    urls = [
        f"https://{HOST}/with",
        f"https://{HOST}/without",
        "https://other.example.com/with",
        "http://http.example.com/",
    ]
    for url in urls:
        assert curl(sidecar, "-H", "Authorization: Bearer of-the-agents-own", url).stdout == b"hello"
    assert not any(b"of-the-agents-own" in received.raw for received in (*origin.received, *plain.received))
    assert [TOKEN.encode() in received.raw for received in origin.received] == [True, False, False]
    assert TOKEN.encode() not in plain.received[0].raw


def test_a_route_whose_credential_is_missing_sends_nothing(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {})
    done = curl(sidecar, f"https://{HOST}/")
    assert json.loads(done.stdout)["rule"] == "secret.missing"
    assert origin.connections == 0


REFUSALS = [
    ("/repo.git/git-receive-pack", "git.push", 403),
    ("/repo.git/info/refs?service=git-receive-pack", "git.push", 403),
    ("/a/%2e%2e/b", "target.ambiguous", 400),
    ("/elsewhere", "path.unlisted", 403),
]


def test_a_refusal_can_be_read_inside_tls(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, paths=["/repo.git", "/a"])])
    for path, rule, expected in REFUSALS:
        done = curl(sidecar, "--path-as-is", "-w", "%{http_code}", "-d", "x", f"https://{HOST}{path}")
        body, status = done.stdout.rsplit(b"\n", 1)
        assert int(status) == expected
        assert json.loads(body)["rule"] == rule
    assert origin.connections == 0
    assert [line["rule"] for line in sidecar.wait_for_trail(4)] == [rule for _, rule, _ in REFUSALS]


def test_an_unlisted_host_is_refused_at_the_connect(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([])
    connection = connect(sidecar)
    connection.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
    response = Response(connection)
    assert response.status == 403
    assert response.headers["x-bottle-rule"] == "host.unlisted"
    assert response.json["ask"] == "a route to evil.example"
    line = sidecar.wait_for_trail(1)[0]
    assert (line["kind"], line["host"], line["port"], line["allowed"], line["status"]) == (
        "tunnel", "evil.example", 443, False, 403)  # fmt: skip


def test_port_and_scheme_have_to_be_listed(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    assert b"403" in curl(sidecar, f"https://{HOST}:8443/").stderr
    assert json.loads(curl(sidecar, f"http://{HOST}/").stdout)["rule"] == "scheme.unlisted"


def test_another_server_name_is_answered_inside_tls(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN})
    for sni in ("evil.example", "sub.api.example.com", None):
        connection = tunnel(sidecar, f"{HOST}:443", sni)
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        response = Response(connection)
        assert (response.status, response.json["rule"]) == (421, "sni.mismatch")
        assert connection.recv(1) == b""
    assert origin.connections == 0


def test_an_address_needs_no_server_name(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin("127.0.0.1")
    routes = [{"host": "127.0.0.1", "ports": [origin.port], "private_ips": ["127.0.0.1/32"]}]
    sidecar = make_sidecar(routes)
    assert curl(sidecar, f"https://127.0.0.1:{origin.port}/").stdout == b"hello"


ELSEWHERE = [
    ("GET /", "evil.example", "host.mismatch"),
    ("GET https://evil.example/", HOST, "host.mismatch"),
    (f"GET https://{HOST}/", "evil.example", "host.mismatch"),
    (f"GET http://{HOST}/", HOST, "host.mismatch"),
    ("CONNECT evil.example:443", "evil.example:443", "connect.nested"),
    (f"CONNECT {HOST}:443", f"{HOST}:443", "connect.nested"),
]


def test_inside_tls_nothing_leads_elsewhere(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN})
    for request_line, host, rule in ELSEWHERE:
        connection = tunnel(sidecar, f"{HOST}:443")
        connection.sendall(f"{request_line} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert Response(connection).json["rule"] == rule, request_line
    assert origin.connections == 0


def test_all_smuggling_vectors(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin("h")
    sidecar = make_sidecar([route("h", origin, inject=INJECT)], {"T": TOKEN})
    for name, data, status in REFUSED:
        connection = tunnel(sidecar, "h:443")
        connection.sendall(data)
        if name != "headers without end":
            assert Response(connection).status == status, name
        connection.close()
    for received in origin.received:  # a body whose framing breaks in the middle has a head that was fine
        assert received.header("authorization") == [f"Bearer {TOKEN}"]
        assert len(received.header("content-length") + received.header("transfer-encoding")) <= 1
    curl(sidecar, "https://h/alive")
    assert origin.received[-1].target == "/alive"


def test_pipelined_requests_are_answered_in_order_and_judged_one_by_one(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST, answer=lambda request, _: ok(request.target.encode()))
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    good = f"POST /%d HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc"
    evil = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    connection.sendall((good % 1 + good % 2 + evil + good % 3).encode())
    answers = b""
    while piece := connection.recv(65536):
        answers += piece
    assert answers.index(b"/1") < answers.index(b"/2") < answers.index(b"421 Misdirected")
    assert [received.target for received in origin.received] == ["/1", "/2"]


def test_upgrades_to_anything_but_a_websocket_are_answered_with_426(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)])
    for upgrade in ("TLS/1.0", "h2c"):
        done = curl(sidecar, "-i", "-H", "Connection: Upgrade", "-H", f"Upgrade: {upgrade}", f"https://{HOST}/")
        assert b"\r\n\r\nHTTP/1.1 426 " in done.stdout
    assert origin.connections == 0


def test_what_was_asked_of_the_proxy_itself(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([])
    connection = connect(sidecar)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: egress:8888\r\n\r\nGET /x HTTP/1.1\r\nHost: egress:8888\r\n\r\n")
    first = read_head(connection)
    assert b"200 OK" in first
    body = connection.recv(4096)
    assert json.loads(body.partition(b"\n")[0]) == {"service": "bottle egress", "policy": 1}
    rest = body.partition(b"\n")[2] or connection.recv(4096)
    assert b"proxy.direct" in rest


def test_a_client_that_expects_continue_sends_its_body_only_when_it_may(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST, answer=lambda request, _: ok(str(len(request.body)).encode()))
    sidecar = make_sidecar([route(HOST, origin, paths=["/in"])])
    body = "x" * 2_000_000
    connection = tunnel(sidecar, f"{HOST}:443")
    head = f"POST /%s HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall((head % "in").encode())
    assert read_head(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body.encode())
    assert Response(connection).body == str(len(body)).encode()
    connection.sendall((head % "out").encode())
    assert Response(connection).status == 403
    assert connection.recv(1) == b""
    assert "expect" not in dict(origin.received[0].headers)


def test_a_python_client_of_http_1_0_opens_a_tunnel(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    connection = connect(sidecar)
    connection.sendall(f"CONNECT {HOST}:443 HTTP/1.0\r\n\r\n".encode())
    assert read_head(connection).startswith(b"HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=str(sidecar.ca_file))
    with context.wrap_socket(connection, server_hostname=HOST) as inside:
        inside.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        response = Response(inside)
    assert (response.body, response.headers["connection"]) == (b"hello", "close")


def test_bytes_before_the_answer_to_a_connect_are_refused(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    connection = connect(sidecar)
    connection.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\nearly".encode())
    assert Response(connection).json["rule"] == "connect.early"


def test_a_client_that_does_not_trust_the_bottle_leaves_a_line(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    assert curl(sidecar, "--cacert", "/etc/ssl/certs/ca-certificates.crt", f"https://{HOST}/").returncode == 60
    assert sidecar.wait_for_trail(1)[0]["rule"] == "tls.handshake"


# --- the secret does not come back


def _echo(request: Received, _socket: socket.socket) -> bytes:
    value = request.header("authorization")[0].encode()
    body = b"you sent " + value + b" twice " + value
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    head = b"HTTP/1.1 200 " + value[:20] + b"\r\nX-Echo: " + value + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n"


def test_an_echoed_credential_does_not_come_back(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=_echo), inject=INJECT)], {"T": TOKEN})
    done = curl(sidecar, "-i", f"https://{HOST}/")
    stars = b"*" * len(TOKEN)
    assert TOKEN.encode() not in done.stdout
    assert b"X-Echo: Bearer " + stars in done.stdout
    assert done.stdout.endswith(b"you sent Bearer " + stars + b" twice Bearer " + stars)


# --- a slow or broken agent


def test_a_request_in_single_bytes_is_the_same_request(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST, answer=lambda request, _: ok(request.body))
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    data = f"POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode()
    for byte in data:
        connection.sendall(bytes([byte]))
    assert Response(connection).body == b"hello"


def test_an_agent_that_leaves_ends_the_request_upstream(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    ended: list[float] = []

    def wait(_request: Received, connection: socket.socket) -> None:
        connection.recv(1)
        ended.append(time.monotonic())

    origin = make_origin(HOST, answer=wait)
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    wait_until(lambda: bool(origin.received))
    connection.close()
    wait_until(lambda: bool(ended))
    assert sidecar.wait_for_trail(1)[0]["reason"] == "the agent closed the connection"

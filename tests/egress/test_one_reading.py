"""Nothing that leaves can be read as another request than the one that was judged: by what it says, or by whom."""

import base64
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, ok, route, tunnel, wait_until
from tests.egress.test_wire import ALLOWED, GET, REFUSED, read
from tests.support.http_readers import READERS, read_all
from tests.support.requirements import require

HOST = "api.example.com"

RESTATING = [
    "Forwarded: host=other.example;proto=http",
    "X-Forwarded-Host: other.example",
    "X_Forwarded_Host: other.example",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Ssl: off",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-User: root",
    "X-Original-URL: /admin",
    "X-Rewrite-Url: /admin",
    "X-Envoy-Original-Path: /admin",
    "X-Host: other.example",
    "X-Real-Ip: 127.0.0.1",
    "Alt-Used: other.example",
    "Proxy: http://other.example/",
    "X-Forward-Host: other.example",
    "X-Override-Url: /admin",
    "X-Middleware-Subrequest: middleware",
    "Remote-User: root",
    "X-Remote-Group: system:masters",
    "X-Ssl-Client-Verify: SUCCESS",
    "X-Amzn-Oidc-Identity: root",
]


def test_no_header_says_again_what_was_judged(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    lines = "".join(f"{line}\r\n" for line in RESTATING)
    connection.sendall(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\nX-Kept: yes\r\n{lines}\r\n".encode())
    assert Response(connection).status == 200
    (received,) = origin.received
    assert [name for name, _ in received.headers] == ["host", "x-kept"]


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Http-Method", "X-Method-Override"])
def test_a_header_names_no_other_method(name: str) -> None:
    assert read(GET + f"{name}: DELETE\r\n\r\n".encode()) == [400]
    assert read(GET + f"{name}: GET\r\n{name}: DELETE\r\n\r\n".encode()) == [400]
    assert f"{name.title()}: GET\r\n".encode() in read(GET + f"{name}: GET\r\n\r\n".encode())[0]["lines"]  # type: ignore[index]


COPIES = ["X-Amz-Copy-Source: /private/key", "x-goog-copy-source: private/key", "X-Ms-Copy-Source: https://h/private/key",
          "X-Copy-From: private/key", "Destination: https://h/private/key"]  # fmt: skip


def test_no_header_names_another_place_where_paths_are_limited(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin, paths=["/mine"]), route(HOST, origin, methods=["POST"])])
    connection = tunnel(sidecar, f"{HOST}:443")
    for line in COPIES:
        connection.sendall(f"PUT /mine/a HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\n\r\n".encode())
        response = Response(connection)
        assert (response.status, response.json["rule"]) == (403, "path.two-places"), line
        connection.sendall(f"POST /a HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\n\r\n".encode())
        assert Response(connection).status == 200, line
    named = [dict(received.headers).keys() & {line.partition(":")[0].lower() for line in COPIES}
             for received in origin.received]  # fmt: skip
    assert [len(one) for one in named] == [1] * len(COPIES)


@pytest.mark.parametrize("method", ["ANNOUNCE", "SETUP", "DESCRIBE", "GET_PARAMETER", "PLAY"])
def test_another_protocols_requests_are_none(method: str) -> None:
    assert read(f"{method} /a RTSP/1.0\r\nHost: h\r\n\r\n".encode()) == [400]


def test_an_origin_names_no_other_place_for_itself(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    answer = ok(b"hello", 'Alt-Svc: h3=":443"; ma=86400, h2="other.example:443"', "X-Kept: yes")
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=lambda *_: answer))])
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    response = Response(connection)
    assert response.headers["x-kept"] == "yes"
    assert "alt-svc" not in response.headers


def _numbered(cases: list[bytes]) -> list[bytes]:
    return [case.replace(b" /a ", b" /case-%d " % at, 1).replace(b"Host: h\r\n", b"Host: h\r\nX-Case: %d\r\n" % at, 1)
            for at, case in enumerate(cases)]  # fmt: skip


def test_every_reader_reads_what_the_trail_says(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    """Whatever is sent: of each request that left, five readers see exactly what was judged, and as many."""
    require("node")

    def close(_request: Received, _socket: object) -> bytes:
        return ok(b"hello", "Connection: close")

    origin = make_origin("h", answer=close)
    sidecar = make_sidecar([route("h", origin)])
    cases = _numbered([*ALLOWED, *(data for _, data, _ in REFUSED)])

    def send(case: bytes) -> None:
        connection = tunnel(sidecar, "h:443")
        connection.sendall(case)
        connection.settimeout(0.5)
        try:
            while connection.recv(65536):
                pass
        except OSError:  # it waits for more of a request that is not complete
            pass
        connection.close()

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(send, cases))
    left = [received.raw for received in origin.received]
    assert len(left) >= len(ALLOWED) - 2
    wait_until(lambda: sum(line["status"] == 200 for line in sidecar.trail()) >= len(left))
    trail = [(line["method"], line["path"], line["bytes_out"]) for line in sidecar.trail() if line["status"] == 200]
    read_by = {name: read_all(name, left) for name in (*READERS, "node")}
    first = read_by["h11"]
    assert first is not None
    assert [name for name, readings in read_by.items() if readings != first] == []
    found = [request for reading in first for request in reading or ()]
    assert len(found) == len(left)
    said = [(method, target.partition("?")[0], len(base64.b64decode(body))) for method, target, body in found]
    assert Counter(said) == Counter(trail)

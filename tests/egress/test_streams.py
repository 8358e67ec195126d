"""Bodies on their way through: at once, whole, and in bounded memory, whichever side is slow."""

import gzip
import socket
import threading
import time
from typing import Self

import pytest

from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, Sidecar, curl, ok, read_head, route, tunnel, wait_until

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
BIG = 200 * 1024 * 1024
BLOCK = bytes(1 << 20)
MEMORY = 40 * 1024 * 1024


def _big(request: Received, connection: socket.socket) -> bytes:
    if request.method == "POST":
        return ok(str(len(request.body)).encode())
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n".encode())
    for _ in range(BIG // len(BLOCK)):
        connection.sendall(BLOCK)
    return b""


class Watch:
    """The most memory that a sidecar had while the block ran."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar, self._done = sidecar, threading.Event()
        self.before = self.most = sidecar.rss()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.most = max(self.most, self._sidecar.rss())


def test_events_pass_one_by_one_even_where_a_secret_is_looked_for(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    seen = threading.Semaphore(0)

    def stream(_request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            connection.sendall(b"data: %d\n\n" % number)
            assert seen.acquire(timeout=60)

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=stream), inject=INJECT)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert b"Transfer-Encoding: chunked" in read_head(connection)
    for number in range(3):
        received = b""
        while not received.endswith(b"\n\n\r\n"):
            received += connection.recv(100)
        assert received == b"9\r\ndata: %d\n\n\r\n" % number
        seen.release()
    assert connection.recv(100) == b"0\r\n\r\n"


def test_a_large_download_to_a_slow_agent_stays_small(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=_big), inject=INJECT)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")
    with Watch(sidecar) as watch:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        time.sleep(0.5)  # the origin could have sent it all by now
        assert f"Content-Length: {BIG}".encode() in read_head(connection)
        received, buffer = 0, bytearray(1 << 20)
        while received < BIG:
            received += connection.recv_into(buffer)
    assert watch.most - watch.before < MEMORY
    assert sidecar.wait_for_trail(1)[0]["bytes_in"] == BIG


def test_a_large_upload_to_a_slow_origin_stays_small(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    total = 0

    def slow(connection: socket.socket) -> None:
        nonlocal total
        time.sleep(0.5)
        while total < BIG and (piece := connection.recv(1 << 20)):
            total += len(piece)
        connection.sendall(ok(b"done"))

    origin = make_origin(HOST)
    origin._converse = slow  # type: ignore[method-assign]
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    with Watch(sidecar) as watch:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {BIG}\r\n\r\n".encode())
        for _ in range(BIG // len(BLOCK)):
            connection.sendall(BLOCK)
        assert Response(connection).body == b"done"
    assert watch.most - watch.before < MEMORY
    assert total >= BIG


@pytest.mark.parametrize("framing", ["Content-Length: 3000000", "Transfer-Encoding: chunked"])
def test_an_upload_arrives_as_it_was_sent(make_origin: MakeOrigin, make_sidecar: MakeSidecar, framing: str) -> None:
    body = bytes(range(256)) * 11719
    body = body[:3_000_000]
    origin = make_origin(HOST, answer=lambda request, _: ok(request.body[-1000:]))
    sidecar = make_sidecar([route(HOST, origin)])
    path = sidecar.directory / "body"
    path.write_bytes(body)
    done = curl(sidecar, "-H", framing, "--data-binary", f"@{path}", f"https://{HOST}/")
    assert done.stdout == body[-1000:]
    assert origin.received[0].body == body


def test_a_compressed_response_passes_untouched(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    packed = gzip.compress(b"hello" * 1000)
    origin = make_origin(HOST, answer=lambda *_: ok(packed, "Content-Encoding: gzip"))
    sidecar = make_sidecar([route(HOST, origin)])
    assert curl(sidecar, "-H", "Accept-Encoding: gzip", f"https://{HOST}/").stdout == packed
    assert origin.received[0].header("accept-encoding") == ["gzip"]


FRAMINGS = [
    (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    (b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    (b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n", b""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\n", b"abc"),
]


def test_responses_of_every_framing_leave_the_connection_usable(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST, answer=lambda request, _: FRAMINGS[int(request.target[1:])][0])
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    for number in [*range(len(FRAMINGS))] * 2:
        connection.sendall(f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection).body == FRAMINGS[number][1]
    assert len(sidecar.wait_for_trail(10)) == 10  # the redirect was not followed


def test_a_head_request_has_no_body_and_keeps_the_connection(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    origin = make_origin(HOST, answer=lambda request, _: head if request.method == "HEAD" else ok())
    sidecar = make_sidecar([route(HOST, origin)])
    connection = tunnel(sidecar, f"{HOST}:443")
    for method in ("HEAD", "GET", "HEAD"):
        connection.sendall(f"{method} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection, method).headers["content-length"] == ("500" if method == "HEAD" else "5")
    assert origin.connections == 1


def test_a_refused_upload_is_answered_before_it_is_sent(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST), paths=["/in"])])
    path = sidecar.directory / "body"
    path.write_bytes(bytes(20_000_000))
    done = curl(sidecar, "-H", "Expect:", "-w", "%{http_code}", "--data-binary", f"@{path}", f"https://{HOST}/out")
    assert done.stdout.endswith(b"403")


def test_an_early_answer_ends_an_upload(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)

    def early(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        wait_until(lambda: not connection.recv(1 << 20))

    origin._converse = early  # type: ignore[method-assign]
    sidecar = make_sidecar([route(HOST, origin)])
    path = sidecar.directory / "body"
    path.write_bytes(bytes(20_000_000))
    done = curl(sidecar, "-H", "Expect:", "-w", "%{http_code}", "--data-binary", f"@{path}", f"https://{HOST}/")
    assert done.stdout == b"413"

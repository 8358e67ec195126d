"""What breaks around the way out is told in words, costs one request, and leaves nothing behind in the process."""

import json
import resource
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.egress.conftest import MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, Sidecar, TestCa, curl, ok, route, tunnel, wait_until
from tests.support.requirements import require

HOST = "api.example.com"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"


def reset(connection: socket.socket) -> None:
    """Ends the connection with a RST, whatever was sent and not yet taken."""
    raw = connection.detach() if isinstance(connection, ssl.SSLSocket) else connection.fileno()
    plain = socket.socket(fileno=raw)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


def at_once(_request: Received, connection: socket.socket) -> None:
    reset(connection)


def in_the_middle(_request: Received, connection: socket.socket) -> None:
    connection.sendall(HALF)
    reset(connection)


def between_chunks(_request: Received, connection: socket.socket) -> None:
    connection.sendall(CHUNKED)


def half_closed(_request: Received, connection: socket.socket) -> None:
    """Says no more, and goes on listening."""
    connection.sendall(HALF)
    connection.unwrap() if isinstance(connection, ssl.SSLSocket) else connection.shutdown(socket.SHUT_WR)


FAULTS: dict[str, tuple[Callable[[Received, socket.socket], None], str]] = {
    "reset.example.com": (at_once, "upstream.closed"),
    "middle.example.com": (in_the_middle, "upstream.response"),
    "chunks.example.com": (between_chunks, "upstream.response"),
    "half.example.com": (half_closed, "upstream.response"),
}


def test_an_origin_that_breaks_off_costs_one_request_and_leaves_nothing(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    routes = [route(host, make_origin(host, answer=answer)) for host, (answer, _) in FAULTS.items()]
    sidecar = make_sidecar([*routes, route(HOST, make_origin(HOST))])
    assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"
    wait_until(lambda: sidecar.held()["guests"] == 0)
    before = sidecar.held()
    for host, (_, rule) in FAULTS.items():
        done = curl(sidecar, "-w", "%{http_code}", f"https://{host}/")
        if rule == "upstream.closed":
            assert (done.stdout[-3:], json.loads(done.stdout[:-3])["rule"]) == (b"502", rule)
        else:  # the head has left already: that something is missing can only be shown by the end
            assert done.returncode in (18, 52, 56), host
        wait_until(lambda host=host, rule=rule: (host, rule) in _told(sidecar))  # type: ignore[misc]
    assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"
    wait_until(lambda: sidecar.held() == before)


def _told(sidecar: Sidecar) -> list[tuple[str, str]]:
    return [(line["host"], line["rule"]) for line in sidecar.trail()]


def test_a_resolver_that_is_down_is_a_502(tmp_path: Path, bottle_ca: TestCa) -> None:
    """Behind loopback's 127.0.0.99 nobody answers lookups."""
    require("bwrap")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.99\noptions timeout:1 attempts:1\n")
    within = ["bwrap", "--dev-bind", "/", "/", "--bind", f"{tmp_path}/resolv.conf", "/etc/resolv.conf"]
    sidecar = Sidecar(tmp_path, bottle_ca, within=[*within, "--die-with-parent", "--"])
    try:
        assert sidecar.start([{"host": HOST}])["event"] == "ready"
        done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}/")
        answer = json.loads(done.stdout[:-3])
        assert (done.stdout[-3:], answer["rule"]) == (b"502", "upstream.dns")
        assert "does not resolve" in answer["reason"]
        assert sidecar.wait_for_trail(1)[0]["rule"] == "upstream.dns"
    finally:
        sidecar.stop()


NAMES = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
with open(sys.argv[1], "ab", 0) as asked:
    while True:
        query, client = server.recvfrom(512)
        asked.write(query[12:-5] + b"\\n")
        server.sendto(query[:2] + b"\\x81\\x83" + query[4:6] + bytes(6) + query[12:], client)
"""


def test_a_listed_name_is_looked_up_without_a_search_domain(tmp_path: Path, bottle_ca: TestCa) -> None:
    """With one behind it, it would be a name that nobody listed. Nobody but a resolver of ours is in this network."""
    require("bwrap")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\nsearch corp.example\noptions ndots:5\n")
    (tmp_path / "names.py").write_text(NAMES)
    names = f'{sys.executable} -I {tmp_path}/names.py {tmp_path}/asked & exec "$@"'
    within = ["bwrap", "--dev-bind", "/", "/", "--bind", f"{tmp_path}/resolv.conf", "/etc/resolv.conf",
              "--unshare-net", "--unshare-pid", "--unshare-user", "--uid", "0", "--cap-add", "CAP_NET_BIND_SERVICE",
              "--die-with-parent", "--", "sh", "-c", names, "sh"]  # fmt: skip
    door = f"{tmp_path}/door"
    sidecar = Sidecar(tmp_path, bottle_ca, within=within, listen={"unix": door})
    try:
        assert sidecar.start([{"host": HOST, "scheme": "http", "ports": [80]}])["event"] == "ready"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(door)
            connection.sendall(f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert Response(connection).json["rule"] == "upstream.dns"
        asked = set((tmp_path / "asked").read_bytes().splitlines())
        assert asked == {b"\x03api\x07example\x03com"}
    finally:
        sidecar.stop()


def test_without_a_descriptor_for_the_origin_the_request_is_refused(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    require("tracing")
    origin, other = make_origin(HOST), "other.example.com"
    sidecar = make_sidecar([route(HOST, origin), route(other, make_origin(other))])
    first = tunnel(sidecar, f"{other}:443")
    first.sendall(f"GET / HTTP/1.1\r\nHost: {other}\r\n\r\n".encode())
    assert Response(first).status == 200  # so that nothing is read any more that belongs to the start
    connection = tunnel(sidecar, f"{HOST}:443")
    open_now = {int(path.name) for path in Path(f"/proc/{sidecar.process.pid}/fd").iterdir()}
    none_free = min(set(range(len(open_now) + 1)) - open_now)
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_NOFILE, (none_free, 8192))
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    connection.sendall(request)
    refused = Response(connection)
    assert (refused.status, refused.json["rule"]) == (502, "upstream.connect")
    assert "Too many open files" in refused.json["reason"]
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_NOFILE, (4096, 8192))
    connection.sendall(request)
    assert Response(connection).status == 200
    assert len(origin.received) == 1


def test_five_hundred_connections_at_once_are_served_and_leave_nothing(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    together, door = threading.Barrier(500, timeout=90), threading.Semaphore(16)

    def when_all_are_here(_request: Received, _socket: socket.socket) -> bytes:
        together.wait()
        return ok(b"x" * 10_000, "Connection: close")

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=when_all_are_here))])
    before, memory = sidecar.held(), sidecar.rss()

    def ask(_number: int) -> int:
        with door:  # so that on a slow machine it is the sidecar that waits for 500, not the handshakes for each other
            connection = tunnel(sidecar, f"{HOST}:443")
            connection.settimeout(90)
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        with connection:
            return len(Response(connection).body)

    with ThreadPoolExecutor(500) as pool:
        assert list(pool.map(ask, range(500))) == [10_000] * 500
    grown = sidecar.rss() - memory
    for connection in sidecar.opened:
        connection.close()
    wait_until(lambda: sidecar.held() == before)
    assert len(sidecar.wait_for_trail(500)) == 500
    assert grown < 500 * 200_000


def test_no_request_is_judged_by_half_a_policy(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    """Two policies take turns under load, each with a path and a credential: no request has some of both."""
    origin = make_origin(HOST)
    policies = [
        [route(HOST, origin, paths=[f"/{name}"], inject={"header": "authorization", "scheme": "Bearer", "slot": name})]
        for name in ("first", "second")
    ]
    secrets = {"first": "token-of-the-first", "second": "token-of-the-second"}
    sidecar = make_sidecar(policies[0], secrets)
    enough = threading.Event()

    def ask(name: str) -> list[int]:
        connection = tunnel(sidecar, f"{HOST}:443")
        statuses = []
        while not enough.is_set():
            connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            statuses.append(Response(connection).status)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, name) for name in ("first", "second") * 2]
        for version in range(2, 62):
            assert sidecar.reload(policies[version % 2], version, secrets=secrets)["version"] == version
            wait_until(lambda version=version: len(origin.received) >= version)  # type: ignore[misc]
        enough.set()
        statuses = {status for done in asking for status in done.result()}
    assert statuses == {200, 403}
    sent = {(received.target[1:], *received.header("authorization")) for received in origin.received}
    assert sent == {(name, f"Bearer {secret}") for name, secret in secrets.items()}


def test_out_of_memory_connections_are_cut_and_later_ones_served(
    make_origin: MakeOrigin, tmp_path: Path, bottle_ca: TestCa, world_ca: TestCa
) -> None:
    origin = make_origin(HOST)
    sidecar = Sidecar(tmp_path, bottle_ca, world_ca.pem)
    try:
        sidecar.start([route(HOST, origin)])
        assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"
        with out_of_memory(sidecar.process.pid):
            for _ in range(4):
                done = curl(sidecar, "--data-binary", "@/usr/bin/git", f"https://{HOST}/")
                assert done.returncode in (55, 56) or json.loads(done.stdout)["rule"] == "dlp.failed"
        arrived = len(origin.received)
        assert arrived == 1
        assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"
        assert len(origin.received) == arrived + 1
    finally:
        assert sidecar.stop() == 0
    said = (tmp_path / "stderr").read_text().splitlines()
    room = ("egress: internal error: MemoryError at ", "egress: internal error: RuntimeError at threading.py:")
    assert [line for line in said if not line.startswith(room)] == []


@contextmanager
def out_of_memory(process: int) -> Iterator[None]:
    """For a while the process gets next to no memory more than it has."""
    size = int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
    unlimited = resource.prlimit(process, resource.RLIMIT_AS)
    resource.prlimit(process, resource.RLIMIT_AS, (size + 65536, unlimited[1]))
    yield
    resource.prlimit(process, resource.RLIMIT_AS, unlimited)

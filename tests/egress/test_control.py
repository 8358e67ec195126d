"""Documents on standard input, the trail, DNS, tunnels, and the end: what the host relies on."""

import json
import os
import resource
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import (
    ROOT,
    Received,
    Response,
    Sidecar,
    TestCa,
    connect,
    curl,
    ok,
    route,
    tunnel,
    wait_until,
)
from tests.support.ports import free_port
from tests.support.requirements import require

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
_NO_LEAF = b'{"host": "a.example", "certificate": "x", "key": "y"}'


def test_a_reload_counts_from_the_next_request_on_a_running_connection(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST, "new.example.com")
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")

    def ask() -> int:
        connection.sendall(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return Response(connection).status

    assert ask() == 200
    assert sidecar.reload([route(HOST, origin, paths=["/b"])], 2) == {"event": "ready", "version": 2}
    assert ask() == 403
    more = [route(HOST, origin, inject=INJECT), route("new.example.com", origin)]
    answer = sidecar.reload(more, 3, leaves=[sidecar.leaf("new.example.com")], secrets={"T": "sk-second-secret"})
    assert answer == {"event": "ready", "version": 3}
    assert ask() == 200
    assert origin.received[-1].header("authorization") == ["Bearer sk-second-secret"]
    assert curl(sidecar, "https://new.example.com/").stdout == b"hello"
    assert sidecar.reload(more, 4) == {"event": "ready", "version": 4}  # leaves and secrets stand
    assert ask() == 200


BAD_DOCUMENTS = [
    b"{",
    b"[]",
    b'{"policy": {"routes": []}, "policy": {"routes": []}}',
    b'{"policy": {"routes": [{"host": "leafless.example"}]}}',
    b'{"policy": {"routes": [{"host": "a.example"}]}, "leaves": [%b]}' % _NO_LEAF,
    b'{"policy": {"routes": [{"host": "a.example", "tpyo": 1}]}, "secrets": {"T": "sk-hush-hush"}}',
]


def test_a_bad_document_changes_nothing(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    for document in BAD_DOCUMENTS:
        answer = sidecar.tell_raw(document)
        assert answer["event"] == "rejected"
        assert "hush" not in answer["reason"]
        assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"


def test_a_reload_under_traffic_loses_nothing(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    routes = [route(HOST, origin, inject=INJECT)]
    sidecar = make_sidecar(routes, {"T": TOKEN})
    enough = threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        connection = tunnel(sidecar, f"{HOST}:443")
        while not enough.is_set():
            connection.sendall(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            statuses.append(Response(connection).status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    version = 1
    while len(statuses) < 50 or version < 10:
        version += 1
        assert sidecar.reload(routes, version)["version"] == version
    enough.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_it_serves_on_after_its_standard_input_ends(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST))])
    assert sidecar.process.stdin is not None
    sidecar.process.stdin.close()
    time.sleep(0.1)
    assert curl(sidecar, f"https://{HOST}/").stdout == b"hello"


def test_a_first_document_that_is_refused_can_be_followed_by_a_good_one(
    tmp_path: Path, bottle_ca: TestCa, world_ca: TestCa
) -> None:
    sidecar = Sidecar(tmp_path / "s", bottle_ca, world_ca.pem)
    assert sidecar.tell({"identity": "x"})["event"] == "rejected"
    assert sidecar.tell({**sidecar.document, "audit": "/nowhere/at/all"})["event"] == "rejected"
    assert sidecar.start([])["event"] == "ready"
    assert sidecar.stop() == 0


def test_a_unix_socket_is_listened_on(tmp_path: Path, make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    path = tmp_path / "egress.sock"
    make_sidecar([route(HOST, make_origin(HOST))], listen={"unix": str(path)})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: egress\r\n\r\n")
        assert Response(connection).json["policy"] == 1


def test_secrets_and_keys_are_said_nowhere(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST, answer=lambda request, _: ok(request.header("authorization")[0].encode()))
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT)], {"T": TOKEN}, forked=False)
    key = sidecar.document["leaves"][0]["key"].splitlines()[1]
    curl(sidecar, f"https://{HOST}/bot{TOKEN}/send?key={TOKEN}")
    curl(sidecar, f"https://{TOKEN.lower().replace('+/', '').replace('=', '')}.example/")
    sidecar.tell({"policy": {"routes": []}, "secrets": {"T": f"{TOKEN}\n"}})
    sidecar.tell({"policy": {"routes": [{"host": TOKEN}]}})
    sidecar.wait_for_trail(2)
    said = sidecar.everything_said()
    assert TOKEN not in said
    assert key not in said
    process = Path(f"/proc/{sidecar.process.pid}")
    assert TOKEN.encode() not in (process / "cmdline").read_bytes()
    with suppress(PermissionError):  # of such a process only a root with every capability reads more
        assert TOKEN.encode() not in (process / "environ").read_bytes()
        assert not any("memfd" in str(link.readlink()) for link in (process / "fd").iterdir() if link.is_symlink())


# --- the trail


def test_a_line_stands_before_the_first_byte_leaves(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    lines: list[str] = []

    def look(_request: Received, _socket: socket.socket) -> bytes:
        lines.extend((sidecar.directory / "audit.jsonl").read_text().splitlines())
        return ok()

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=look))])
    curl(sidecar, "-d", "12345", f"https://{HOST}/path?query=value")
    opened = json.loads(lines[0])
    assert (opened["kind"], opened["allowed"], opened["status"], opened["path"]) == ("opened", True, None, "/path")
    (line,) = sidecar.wait_for_trail(1)
    keys = "time identity id kind method host port path query allowed rule reason status bytes_out bytes_in ms"
    assert set(line) == set(keys.split())
    assert (line["id"], line["kind"], line["status"], line["bytes_out"], line["bytes_in"], line["query"]) == (
        opened["id"], "http", 200, 5, 5, True)  # fmt: skip
    assert "value" not in sidecar.everything_said()


def test_nothing_leaves_while_the_trail_cannot_be_written(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    origin = make_origin(HOST)
    tunnelled = make_origin("raw.example.com")
    sidecar = make_sidecar([route(HOST, origin), route("raw.example.com", tunnelled, scan=False)])
    assert curl(sidecar, f"https://{HOST}/1").stdout == b"hello"
    sidecar.wait_for_trail(1)
    size = (sidecar.directory / "audit.jsonl").stat().st_size
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    for path in ("/2", "/3"):
        done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}{path}")
        assert done.stdout.endswith(b"503")
        assert json.loads(done.stdout[:-3])["rule"] == "audit.unwritable"
    assert curl(sidecar, "https://raw.example.com/").returncode != 0
    assert ([received.target for received in origin.received], tunnelled.connections) == (["/1"], 0)
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert curl(sidecar, f"https://{HOST}/4").stdout == b"hello"
    text = (sidecar.directory / "audit.jsonl").read_text()
    whole = [line for line in text.splitlines() if line.endswith("}")]
    assert all(json.loads(line) for line in whole)
    assert "/4" in whole[-1]


def test_lookups_in_the_box_fail_at_once_and_are_seen(make_sidecar: MakeSidecar) -> None:
    port = free_port()
    sidecar = make_sidecar([], dns={"host": "127.0.0.1", "port": port})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        query = b"\x12\x34\1\0" + struct.pack(">HHHH", 1, 0, 0, 0) + b"\6secret\4evil\7example\0\0\1\0\1"
        client.sendto(query, ("127.0.0.1", port))
        assert client.recv(512)[3] & 15 == 3
        for _ in range(300):
            client.sendto(query, ("127.0.0.1", port))
    line = sidecar.wait_for_trail(1)[0]
    assert (line["kind"], line["host"], line["rule"], line["allowed"]) == (
        "dns",
        "secret.evil.example",
        "dns.closed",
        False,
    )
    time.sleep(0.3)
    assert len(sidecar.trail()) <= 60


# --- pure tunnels


def test_a_tunnel_passes_bytes_unread_to_the_host_that_its_hello_names(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, world_ca: TestCa
) -> None:
    origin = make_origin("raw.example.com")
    sidecar = make_sidecar([route("raw.example.com", origin, scan=False)])
    sidecar.ca_file.write_text(world_ca.pem)  # TLS does not end at the proxy
    done = curl(sidecar, "-H", "Authorization: mine", "https://raw.example.com/x")
    assert done.stdout == b"hello"
    assert origin.received[0].header("authorization") == ["mine"]
    opened, line = sidecar.wait_for_trail(2, opened=True)
    assert (opened["kind"], opened["host"]) == ("opened", "raw.example.com")
    assert (line["kind"], line["method"], line["allowed"]) == ("tunnel", "CONNECT", True)
    assert line["bytes_out"] > 200
    assert line["bytes_in"] > 200


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", None])
def test_a_tunnel_for_another_name_or_without_tls_is_closed(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar, first: bytes | None
) -> None:
    origin = make_origin("raw.example.com")
    sidecar = make_sidecar([route("raw.example.com", origin, scan=False)])
    connection = tunnel(sidecar, "raw.example.com:443", raw=True)
    if first is None:
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            context.wrap_socket(connection, server_hostname="evil.example")
    else:
        connection.sendall(first)
        assert connection.recv(100)[:1] == b"\x15"
    assert origin.connections == 0
    assert sidecar.wait_for_trail(1)[0]["rule"] == ("sni.mismatch" if first is None else "tls.hello")


def test_a_tunnel_ends_with_its_route(make_origin: MakeOrigin, make_sidecar: MakeSidecar, world_ca: TestCa) -> None:
    origin = make_origin("raw.example.com", answer=lambda *_: ok())
    routes = [route("raw.example.com", origin, scan=False)]
    sidecar = make_sidecar(routes)
    context = ssl.create_default_context(cadata=world_ca.pem)
    raw = tunnel(sidecar, "raw.example.com:443", raw=True)
    connection = context.wrap_socket(raw, server_hostname="raw.example.com")
    sidecar.opened.append(connection)

    def ask() -> bytes:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: raw.example.com\r\n\r\n")
        return connection.recv(1000)

    assert ask().endswith(b"hello")
    sidecar.reload(routes, 2)
    assert ask().endswith(b"hello")
    sidecar.reload([], 3)
    assert connection.recv(1000) == b""
    assert sidecar.wait_for_trail(1)[0]["reason"] == "the route is gone"


# --- limits and the end


def test_too_many_connections_are_turned_away(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([])
    held = [connect(sidecar) for _ in range(1024)]
    wait_until(lambda: _refuses(sidecar))
    held[0].close()
    held[1].close()
    wait_until(lambda: not _refuses(sidecar))


def _refuses(sidecar: Sidecar) -> bool:
    connection = connect(sidecar)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: egress\r\n\r\n")
    status = Response(connection).status
    connection.close()
    return status == 503


def test_out_of_file_descriptors_it_neither_spins_nor_opens(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    require("tracing")
    origin = make_origin(HOST)
    sidecar = make_sidecar([route(HOST, origin)])
    in_use = len(list(Path(f"/proc/{sidecar.process.pid}/fd").iterdir()))
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_NOFILE, (in_use + 8, 8192))
    held = [connect(sidecar) for _ in range(40)]
    before = _cpu(sidecar)
    time.sleep(0.5)
    assert _cpu(sidecar) - before < 0.25
    assert origin.connections == 0
    for connection in held:
        connection.close()
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_NOFILE, (4096, 8192))
    wait_until(lambda: curl(sidecar, f"https://{HOST}/").stdout == b"hello")


def _cpu(sidecar: Sidecar) -> float:
    fields = Path(f"/proc/{sidecar.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_sigterm_lets_a_request_end_and_accepts_no_more(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    def slowly(_request: Received, _socket: socket.socket) -> bytes:
        time.sleep(0.5)
        return ok()

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=slowly))])
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    sidecar.wait_for_trail(1, opened=True)
    sidecar.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        connect(sidecar)
    response = Response(connection)
    assert (response.body, response.headers["connection"]) == (b"hello", "close")
    assert sidecar.process.wait(60) == 0
    assert len(sidecar.trail()) == 1


def test_the_trail_can_be_read_by_the_host(make_sidecar: MakeSidecar) -> None:
    sidecar = make_sidecar([])
    assert stat.S_IMODE((sidecar.directory / "audit.jsonl").stat().st_mode) & 0o044


def test_whoever_is_told_nothing_ends_with_its_input() -> None:
    """Its launcher died before the first document: nobody is left who could say one, or end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.egress"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip
    out, _ = process.communicate(b"", timeout=60)
    assert (process.returncode, out) == (0, b"")

"""Real parts for the tests of the way out: certificates, origins on loopback, the sidecar as a process."""

import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import forks, measured_egress
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
_MODULE = measured_egress.__name__
_RUN = f"import sys; sys.path[:0] = {[str(ROOT / 'src'), str(ROOT)]}; from {_MODULE} import main; main()"


class TestCa:
    """A certificate authority that lives in memory."""

    __test__ = False

    def __init__(self, title: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
        self._certificate = self._sign(name, name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self._name = name
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, *names: str, expired: bool = False) -> tuple[str, str]:
        """Certificate and key (PEM) for the names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(
            subject, self._name, key, x509.SubjectAlternativeName(map(_alternative, names)), expired
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    def _sign(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        until = now + datetime.timedelta(hours=-1 if expired else 24)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(until)
        return builder.sign(self._key, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Received:
    """A request as an origin got it: raw bytes, and h11's reading of them (the oracle)."""

    def __init__(self, raw: bytes, request: h11.Request, body: bytes) -> None:
        self.raw = raw
        self.method = request.method.decode()
        self.target = request.target.decode()
        self.headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        self.body = body

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


Answer = Callable[[Received, socket.socket], bytes | None]


def ok(body: bytes = b"hello", *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


class Origin:
    """A server on loopback that keeps what it received. `answer` returns the response's bytes; None closes."""

    def __init__(
        self, answer: Answer | None = None, tls: tuple[str, str] | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.answer: Answer = answer or (lambda _request, _socket: ok())
        self.received: list[Received] = []
        self.connections = 0
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._context = server_context(*tls) if tls else None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._converse(connection)
        except (OSError, h11.RemoteProtocolError):
            pass

    def _converse(self, connection: socket.socket) -> None:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        while True:
            received = read_request(reader, connection)
            if received is None:
                return
            self.received.append(received)
            response = self.answer(received, connection)
            if response is None:
                return
            connection.sendall(response)
            reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)


def read_request(reader: h11.Connection, connection: socket.socket) -> Received | None:
    raw, request, body = b"", None, []
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA:
            data = connection.recv(262144)
            raw += data[: 65536 - len(raw)] if len(raw) < 65536 else b""
            reader.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return Received(raw, request, b"".join(body))
        else:
            return None


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = ROOT / ".pytest_cache" / f"origin-{time.monotonic_ns()}.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_text(key + certificate)
    try:
        context.load_cert_chain(path)
    finally:
        path.unlink()
    return context


class Sidecar:
    """`python -m sidecars.egress` as it runs for real, with its documents, answers and trail.

    `limits` shortens time limits of sidecars/egress/limits.py, for tests that would wait for minutes. `within` is a
    command that runs it in surroundings of its own. One that is `forked` (tests/support/forks.py) has no interpreter's
    start.
    """

    def __init__(
        self,
        directory: Path,
        ca: TestCa,
        roots: str = "",
        *,
        limits: dict[str, float] | None = None,
        within: Sequence[str] = (),
        forked: bool = False,
        **fields: Any,
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_text(ca.pem)
        self._ca = ca
        self._errors = (directory / "stderr").open("wb")
        self.process = self._begin([json.dumps(limits or {}), str(directory)], within, forked)
        self.said: list[str] = []
        self.opened: list[socket.socket] = []
        self.document: dict[str, Any] = {
            "identity": "test-abcde",
            "listen": {"host": "127.0.0.1", "port": self.port},
            "audit": str(directory),
            "patterns": "",
            "roots": roots,
            "policy": {"version": 1, "routes": []},
            **fields,
        }

    def _begin(
        self, arguments: Sequence[str], within: Sequence[str], forked: bool
    ) -> "forks.Fork | subprocess.Popen[bytes]":
        if forked and forks.suits(os.environ):
            errors = self._errors.fileno()
            return forks.fork(arguments, env=os.environ, cwd=Path.cwd(), stderr=errors, module=_MODULE)
        argv = [*within, sys.executable, "-I", "-B", "-c", _RUN, *arguments]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)

    def leaves(self, routes: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
        hosts = {route["host"] for route in routes if route.get("scheme", "https") == "https"}
        return [self.leaf(host) for host in sorted(hosts)]

    def leaf(self, host: str) -> dict[str, str]:
        certificate, key = self._ca.issue(host)
        return {"host": host, "certificate": certificate, "key": key}

    def start(self, routes: list[dict[str, Any]], secrets: dict[str, str] | None = None) -> dict[str, Any]:
        self.document["policy"] = {"version": 1, "routes": routes}
        self.document |= {"secrets": secrets or {}, "leaves": self.leaves(routes)}
        return self.tell(self.document)

    def reload(self, routes: list[dict[str, Any]], version: int = 2, **more: Any) -> dict[str, Any]:
        return self.tell({"policy": {"version": version, "routes": routes}, **more})

    def tell(self, document: object) -> dict[str, Any]:
        return self.tell_raw(json.dumps(document).encode())

    def tell_raw(self, line: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode()
        self.said.append(answer)
        parsed: dict[str, Any] = json.loads(answer)
        return parsed

    def trail(self, *, opened: bool = False) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (self.directory / "audit.jsonl").read_text("ascii").splitlines()]
        return [line for line in lines if opened or line["kind"] != "opened"]

    def wait_for_trail(self, count: int, **kinds: bool) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.trail(**kinds)) >= count)
        return self.trail(**kinds)

    def rss(self) -> int:
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * 4096

    def held(self) -> dict[str, int]:
        """What the process holds on to: descriptors, tasks, connections from the box, idle ones to origins."""
        told = self.directory / "held.json"
        told.unlink(missing_ok=True)
        (self.directory / "held.json.asked").touch()
        wait_until(told.exists)
        found: dict[str, int] = json.loads(told.read_text())
        return found

    def everything_said(self) -> str:
        """All that left the process by other ways than the network."""
        self._errors.flush()
        trail = self.directory / "audit.jsonl"
        return (
            "".join(self.said) + (self.directory / "stderr").read_text() + (trail.read_text() if trail.exists() else "")
        )

    def stop(self) -> int:
        for connection in self.opened:
            connection.close()
        self.process.terminate()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for stream in (self.process.stdin, self.process.stdout, self._errors):
                if stream is not None:
                    stream.close()
        return status


def wait_until(done: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


def route(host: str, origin: Origin | int, **more: Any) -> dict[str, Any]:
    """A route that dials an origin on loopback."""
    port = origin if isinstance(origin, int) else origin.port
    endpoint = {"address": "127.0.0.1", "port": port}
    return {"host": host, "connect_to": endpoint, "private_ips": ["127.0.0.0/8"], **more}


def curl(sidecar: Sidecar, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    """The real curl through the proxy."""
    proxy = f"http://127.0.0.1:{sidecar.port}"
    base = [
        "curl",
        "-q",
        "-sS",
        "--max-time",
        str(timeout),
        "--cacert",
        str(sidecar.ca_file),
        "--noproxy",
        "",
        "-x",
        proxy,
    ]
    return subprocess.run([*base, *arguments], capture_output=True, timeout=timeout + 5, check=False)


def connect(sidecar: Sidecar, host: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection((host, sidecar.port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sidecar.opened.append(connection)
    return connection


def tunnel(sidecar: Sidecar, authority: str, sni: str | None = "", raw: bool = False) -> socket.socket:
    """A connection through CONNECT; TLS with the given server name (the authority's host by default), or not yet."""
    connection = connect(sidecar)
    connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    head = read_head(connection)
    assert head.startswith(b"HTTP/1.1 200 "), head
    if raw:
        return connection
    context = ssl.create_default_context(cadata=sidecar.ca_file.read_text())
    name = authority.rpartition(":")[0].strip("[]") if sni == "" else sni
    context.check_hostname = False
    if name is None:
        context.verify_mode = ssl.CERT_NONE
    inside = context.wrap_socket(connection, server_hostname=name)
    sidecar.opened.append(inside)
    return inside


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            break
        data += piece
    return data


class Response:
    """A response as h11 reads it off a connection."""

    def __init__(self, connection: socket.socket, method: str = "GET") -> None:
        reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        reader.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        reader.send(h11.EndOfMessage())
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        while True:
            event = reader.next_event()
            if event is h11.NEED_DATA:
                reader.receive_data(connection.recv(65536))
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self.headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                self.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

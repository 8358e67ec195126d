"""What stand-ins of services share: a strict HTTPS server on this host that judges who comes before what is asked.

It remembers every request, and every fault, that is: what no well-behaved client does. It never tells a credential.
"""

import http.server
import json
import secrets
import ssl
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self, cast
from urllib.parse import urlsplit

from attrs import define, field

from tests.support.anthropic_seen import Credential, Seen, credential_of
from tests.support.framing import UnframedError, read_body
from tests.support.standin_tls import ServerTls

MAX_BODY = 16 * 1024 * 1024
MAX_CONNECTIONS = 64
MAX_SEEN = 2000
TIMEOUT = 60


class MalformedError(ValueError):
    """The request is not one that the real service would take."""


class RefusedError(Exception):
    """The request gets this status and an error body of the real service's form."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind


@define
class Standin:
    """One stand-in. `tokens` says which hosts it serves and which token each must come with; "" stands for none.

    Without `tls` it speaks plain HTTP.
    """

    tls: ServerTls | None = field(repr=False)
    tokens: Mapping[str, str] = field(repr=False)
    placeholder: str
    address: str
    seen: list[Seen] = field(factory=list, init=False)
    faults: list[str] = field(factory=list, init=False)
    lock: threading.RLock = field(factory=threading.RLock, init=False, repr=False)
    _server: "Server" = field(init=False, repr=False)

    def handler(self) -> "type[Handler]":
        """What answers a request."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._server = Server((self.address, 0), self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def requests(self, path: str | None = None, *, host: str | None = None) -> Sequence[Seen]:
        """What arrived, or what of it arrived at one path or host."""
        with self.lock:
            return [one for one in self.seen if path in (None, one.path) and host in (None, one.host)]

    def note(self, seen: Seen) -> None:
        with self.lock:
            if len(self.seen) < MAX_SEEN:
                self.seen.append(seen)

    def fault(self, text: str) -> None:
        """Remembers what no well-behaved client does."""
        with self.lock:
            if len(self.faults) < MAX_SEEN:
                self.faults.append(text)


class _Socket(ssl.SSLSocket):
    sni = ""


class Server(http.server.ThreadingHTTPServer):
    """The listening side of a stand-in."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], standin: Standin) -> None:
        self.standin = standin
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        if standin.tls is not None:
            standin.tls.context.sslsocket_class = _Socket
            standin.tls.context.sni_callback = lambda sock, name, _: setattr(sock, "sni", name or "")
        super().__init__(address, standin.handler())
        self.socket.setblocking(False)  # one that is gone before it is accepted must not be waited for (accept(2))

    def get_request(self) -> tuple[Any, Any]:
        """The handshake waits for the connection's own thread, so that a silent client holds up nobody."""
        plain, address = super().get_request()
        plain.settimeout(TIMEOUT)
        if self.standin.tls is None:
            return plain, address
        wrapped = self.standin.tls.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self.places:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing. A client that goes away or does not trust the root is no fault; a failure of its own is."""
        if not isinstance(error := sys.exc_info()[1], OSError):
            self.standin.fault(f"the stand-in itself failed: {type(error).__name__}")


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection: frames, judges, and leaves the answer to `route`."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: Server

    def route(self, body: bytes) -> None:
        """Answers a request whose host and credential are right."""
        raise NotImplementedError

    def error_body(self, refused: RefusedError) -> Mapping[str, Any]:
        """The error in the form of the real service."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """Any method at all is served, that is: judged, answered and remembered."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _serve(self) -> None:
        self.status_sent = 0
        try:
            body = read_body(self.headers, self.rfile, MAX_BODY)
            self._judge_client()
            self.route(body)
        except RefusedError as refused:
            self._error(refused)
        except UnframedError as unframed:
            self.close_connection = True
            self.server.standin.fault(f"framing: {unframed}")
            self._error(RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request_error", str(unframed)))
        except MalformedError as malformed:
            self._error(RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request_error", str(malformed)))
        finally:
            self.server.standin.note(self._record())

    def _judge_client(self) -> None:
        """Host and credential, before anything else is looked at."""
        standin, host, credential = self.server.standin, self.host, self._credential
        if self._sni != host or host not in standin.tokens:
            standin.fault(f"host '{host}' under the name '{self._sni}'")
            raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "invalid_request_error", "not served here")
        wanted = "right" if standin.tokens[host] else "missing"
        if credential != wanted:
            standin.fault(f"{credential} credential for {host}{self.place}")
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "authentication_error", "invalid bearer token")

    def refuse_unknown(self, *, is_fault: bool = True) -> None:
        """Answers 404."""
        if is_fault:
            self.server.standin.fault(f"unknown path {self.command} {self.host}{self.place}")
        raise RefusedError(HTTPStatus.NOT_FOUND, "not_found_error", "Not found")

    def json_object(self, body: bytes) -> Mapping[str, Any]:
        """The body as an object. Raises MalformedError."""
        try:
            parsed = json.loads(body)
        except ValueError as error:
            raise MalformedError("the body is not JSON") from error
        if not isinstance(parsed, dict):
            raise MalformedError("the body is not an object")
        return cast("Mapping[str, Any]", parsed)

    def send_json(self, status: int, body: Mapping[str, Any]) -> None:
        encoded = json.dumps(body).encode()
        self.head(status, "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(encoded)

    def send_events(self, events: Iterable[bytes]) -> None:
        """Server-sent events, each in a chunk of its own."""
        self.head(HTTPStatus.OK, "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def head(self, status: int, content_type: str) -> None:
        self.status_sent = int(status)
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("request-id", f"req_{secrets.token_hex(12)}")

    def _error(self, refused: RefusedError) -> None:
        self.send_json(refused.status, self.error_body(refused))

    def _record(self) -> Seen:
        return Seen(
            method=self.command,
            path=self.place,
            host=self.host,
            sni=self._sni,
            credential=self._credential,
            status=self.status_sent,
            user_agent=self.headers.get("user-agent", ""),
        )

    @property
    def place(self) -> str:
        """The path without its query."""
        return urlsplit(self.path).path

    @property
    def host(self) -> str:
        hosts = self.headers.get_all("host", [])
        return hosts[0].lower().removesuffix(":443") if len(hosts) == 1 else ""

    @property
    def _sni(self) -> str:
        """The name that TLS was asked for; plain HTTP has none but the host's."""
        return self.host if self.server.standin.tls is None else cast("_Socket", self.connection).sni

    @property
    def _credential(self) -> Credential:
        """By this host's own token; on a host that takes none, by any of them: none may come there."""
        standin = self.server.standin
        own = standin.tokens.get(self.host)
        judged = [
            credential_of(self.headers, token, standin.placeholder)
            for token in ([own] if own else filter(None, standin.tokens.values()))
        ]
        if not judged:  # a stand-in that takes no credential at all
            judged = [credential_of(self.headers, secrets.token_hex(), standin.placeholder)]
        return "right" if "right" in judged else judged[0]

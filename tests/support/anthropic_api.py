"""A stand-in of the Anthropic API: a strict HTTPS server on this host that real clients talk to.

It takes one credential and remembers who came with another one, answers what the real Claude Code asks, and refuses the
rest: an unknown path, a wrong host, a body that is not whole. Only `ECHO` tells the credential.
"""

import http.server
import json
import secrets
import ssl
import sys
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self, cast
from urllib.parse import urlsplit

from attrs import define, field

from tests.support.anthropic_script import Conversations, MalformedError, Script, ToolResult, tokens_in
from tests.support.anthropic_seen import Credential, Seen, credential_of
from tests.support.anthropic_stream import events, message
from tests.support.framing import UnframedError, read_body
from tests.support.standin_tls import ServerTls

API_HOST = "api.anthropic.com"
OAUTH_BETA = "oauth-2025-04-20"
ABSENT = frozenset({"/api/claude_code/settings", "/api/claude_code/policy_limits"})
"""What Claude Code asks for at its start and does well without."""
ECHO = "/echo"
"""Answers with the request's own headers, as debugging endpoints do: the one place where the credential is told."""
MAX_BODY = 16 * 1024 * 1024
MAX_CONNECTIONS = 64
MAX_SEEN = 2000
TIMEOUT = 60


class RefusedError(Exception):
    """The request gets this status and an error body of the real API's form."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind


@define
class AnthropicApi:
    """The stand-in. Serves `API_HOST` with the credential, and `other_hosts`, which must never get any."""

    tls: ServerTls = field(repr=False)
    token: str = field(repr=False)
    placeholder: str
    scripts: Sequence[Script]
    address: str = "127.0.0.1"
    other_hosts: Sequence[str] = ()
    seen: list[Seen] = field(factory=list, init=False)
    faults: list[str] = field(factory=list, init=False)
    conversations: Conversations = field(init=False, repr=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False, repr=False)
    _server: "_Server" = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.conversations = Conversations(self.scripts)
        self._server = _Server((self.address, 0), self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def results(self) -> Sequence[ToolResult]:
        """The tool results that came back, in order."""
        with self._lock:
            return tuple(self.conversations.results)

    def requests(self, path: str | None = None, *, host: str | None = None) -> Sequence[Seen]:
        """What arrived, or what of it arrived at one path or host."""
        with self._lock:
            return [one for one in self.seen if path in (None, one.path) and host in (None, one.host)]

    def note(self, seen: Seen) -> None:
        with self._lock:
            if len(self.seen) < MAX_SEEN:
                self.seen.append(seen)

    def fault(self, text: str) -> None:
        """Remembers what no well-behaved client does."""
        with self._lock:
            if len(self.faults) < MAX_SEEN:
                self.faults.append(text)

    def answer(self, body: Mapping[str, Any]) -> tuple[str, Any]:
        """Model and next message. Raises MalformedError."""
        with self._lock:
            answer = self.conversations.reply(body)
        return str(body["model"]), answer


class _Socket(ssl.SSLSocket):
    sni = ""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], api: AnthropicApi) -> None:
        self.api = api
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        api.tls.context.sslsocket_class = _Socket
        api.tls.context.sni_callback = lambda sock, name, _: setattr(sock, "sni", name or "")
        super().__init__(address, _Handler)
        self.socket.setblocking(False)  # one that is gone before it is accepted must not be waited for (accept(2))

    def get_request(self) -> tuple[Any, Any]:
        """The handshake waits for the connection's own thread, so that a silent client holds up nobody."""
        plain, address = super().get_request()
        plain.settimeout(TIMEOUT)
        wrapped = self.api.tls.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self.places:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing. A client that goes away or does not trust the root is no fault; a failure of its own is."""
        if not isinstance(error := sys.exc_info()[1], OSError):
            self.api.fault(f"the stand-in itself failed: {type(error).__name__}")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    server: _Server

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
            self._route(body)
        except RefusedError as refused:
            self._error(refused)
        except UnframedError as unframed:
            self.close_connection = True
            self.server.api.fault(f"framing: {unframed}")
            self._error(RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request_error", str(unframed)))
        except MalformedError as malformed:
            self._error(RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request_error", str(malformed)))
        finally:
            self.server.api.note(self._record())

    def _judge_client(self) -> None:
        """Host and credential, before anything else is looked at."""
        api, host, credential = self.server.api, self._host, self._credential
        if self._sni != host or host not in (API_HOST, *api.other_hosts):
            api.fault(f"host '{host}' under the name '{self._sni}'")
            raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "invalid_request_error", "not served here")
        wanted = "right" if host == API_HOST else "missing"
        if credential != wanted:
            api.fault(f"{credential} credential for {host}{self._path}")
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "authentication_error", "invalid bearer token")

    def _route(self, body: bytes) -> None:
        known = self._host == API_HOST
        if known and (self.command, self._path) == ("POST", "/v1/messages"):
            self._messages(self._json(body))
        elif known and (self.command, self._path) == ("POST", "/v1/messages/count_tokens"):
            self._send(HTTPStatus.OK, {"input_tokens": tokens_in(self._json(body))})
        elif known and self._path == ECHO:
            self._send(HTTPStatus.OK, {"headers": [f"{name}: {value}" for name, value in self.headers.items()]})
        else:
            if known and self._path not in ABSENT:
                self.server.api.fault(f"unknown path {self.command} {self._host}{self._path}")
            raise RefusedError(HTTPStatus.NOT_FOUND, "not_found_error", "Not found")

    def _json(self, body: bytes) -> Mapping[str, Any]:
        """The body of an API call with the headers that must come with it."""
        if (self.headers.get_content_type(), self.headers.get("anthropic-version")) != (
            "application/json",
            "2023-06-01",
        ):
            raise MalformedError("anthropic-version, content-type: 2023-06-01 and application/json are required")
        if OAUTH_BETA not in self.headers.get("anthropic-beta", "").split(","):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED, "authentication_error", "OAuth is not supported without its beta"
            )
        try:
            parsed = json.loads(body)
        except ValueError as error:
            raise MalformedError("the body is not JSON") from error
        if not isinstance(parsed, dict):
            raise MalformedError("the body is not an object")
        return cast("Mapping[str, Any]", parsed)

    def _messages(self, body: Mapping[str, Any]) -> None:
        if type(body.get("max_tokens")) is not int or body["max_tokens"] < 1:
            raise MalformedError("max_tokens: a positive integer is required")
        model, answer = self.server.api.answer(body)
        if not body.get("stream"):
            self._send(HTTPStatus.OK, message(model, answer, tokens_in(body)))
            return
        self._head(HTTPStatus.OK, "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events(model, answer, tokens_in(body)):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _error(self, refused: RefusedError) -> None:
        body = {"type": "error", "error": {"type": refused.kind, "message": str(refused)}}
        self._send(refused.status, body)

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        encoded = json.dumps(body).encode()
        self._head(status, "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(encoded)

    def _head(self, status: int, content_type: str) -> None:
        self.status_sent = int(status)
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("request-id", f"req_{secrets.token_hex(12)}")

    def _record(self) -> Seen:
        return Seen(
            method=self.command,
            path=self._path,
            host=self._host,
            sni=self._sni,
            credential=self._credential,
            status=self.status_sent,
            user_agent=self.headers.get("user-agent", ""),
        )

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path

    @property
    def _host(self) -> str:
        hosts = self.headers.get_all("host", [])
        return hosts[0].lower().removesuffix(":443") if len(hosts) == 1 else ""

    @property
    def _sni(self) -> str:
        return cast("_Socket", self.connection).sni

    @property
    def _credential(self) -> Credential:
        return credential_of(self.headers, self.server.api.token, self.server.api.placeholder)

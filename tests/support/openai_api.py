"""A stand-in of what Codex talks to: ChatGPT's backend with a login's token, and the OpenAI API with a key.

Responses come as server-sent events, or over a WebSocket where `websocket` says so; else an upgrade is answered with
426, on which Codex falls back at once. Strict as tests/support/standin_server.py says.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from attrs import define, field
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from tests.support.anthropic_script import Script, ToolResult
from tests.support.openai_script import Item, Responses
from tests.support.standin_server import Handler, MalformedError, RefusedError, Standin
from tests.support.standin_tls import ServerTls

API_HOST = "api.openai.com"
CHATGPT_HOST = "chatgpt.com"
RESPONSES = {CHATGPT_HOST: "/backend-api/codex/responses", API_HOST: "/v1/responses"}
ACCOUNT_CHECK = "/backend-api/wham/accounts/check"
ABSENT = frozenset({"/backend-api/codex/models", "/backend-api/wham/settings/user", "/v1/models"})
"""What Codex asks for and does well without; in a terminal a few more of the same family."""
ABSENT_FAMILIES = ("/backend-api/wham/", "/backend-api/ps/", "/backend-api/codex/", "/backend-api/accounts/")
BETA = "responses_websockets=2026-02-06"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@define(init=False)
class OpenAiApi(Standin):
    """The stand-in. `account` is the ChatGPT account that requests with the login's token must name."""

    account: str
    websocket: bool
    responses: Responses = field(repr=False)
    upgrades: int = field(default=0, init=False)

    def __init__(
        self,
        tls: ServerTls,
        tokens: Mapping[str, str],
        placeholder: str,
        scripts: Sequence[Script],
        *,
        account: str = "",
        websocket: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        self.__attrs_init__(tls, tokens, placeholder, address, account, websocket, Responses(scripts))

    def handler(self) -> type[Handler]:
        return _Handler

    @property
    def results(self) -> Sequence[ToolResult]:
        """The tool results that came back, in order."""
        with self.lock:
            return tuple(self.responses.results)

    def answer(self, body: Item) -> Sequence[Item]:
        """The events of the next response. Raises MalformedError."""
        with self.lock:
            return tuple(self.responses.reply(body))


class _Handler(Handler):
    @property
    def api(self) -> OpenAiApi:
        assert isinstance(self.server.standin, OpenAiApi)
        return self.server.standin

    def route(self, body: bytes) -> None:
        if self.host == CHATGPT_HOST and self.headers.get("chatgpt-account-id") != self.api.account:
            self.api.fault(f"account {self.headers.get('chatgpt-account-id')} at {self.place}")
            raise RefusedError(HTTPStatus.FORBIDDEN, "forbidden", "not a member of this account")
        if self.place == RESPONSES.get(self.host):
            self._responses(body)
        elif (self.host, self.command, self.place) == (CHATGPT_HOST, "GET", ACCOUNT_CHECK):
            self.send_json(HTTPStatus.OK, _accounts(self.api.account))
        else:
            self.refuse_unknown(is_fault=self.place not in ABSENT and not self.place.startswith(ABSENT_FAMILIES))

    def error_body(self, refused: RefusedError) -> Mapping[str, Any]:
        return {"error": {"type": refused.kind, "message": str(refused), "code": None, "param": None}}

    def _responses(self, body: bytes) -> None:
        if self.command == "POST":
            if self.headers.get_content_type() != "application/json" or "content-encoding" in self.headers:
                raise MalformedError("content-type: application/json, uncompressed, is required")
            self.send_events(map(_event, self.api.answer(self.json_object(body))))
        elif self.command == "GET" and self.headers.get("upgrade", "").lower() == "websocket":
            self._upgrade()
        else:
            self.refuse_unknown()

    def _upgrade(self) -> None:
        if self.headers.get("openai-beta") != BETA:
            raise MalformedError(f"openai-beta: {BETA} is required")
        if not self.api.websocket:
            raise RefusedError(HTTPStatus.UPGRADE_REQUIRED, "upgrade_required", "no WebSocket here")
        key = self.headers["sec-websocket-key"].encode()
        self.status_sent = int(HTTPStatus.SWITCHING_PROTOCOLS)
        self.send_response(HTTPStatus.SWITCHING_PROTOCOLS)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode())
        self.end_headers()
        self.close_connection = True
        with self.api.lock:
            self.api.upgrades += 1
        self.api.note(self._record())
        self._converse(Connection(ConnectionType.SERVER))

    def _converse(self, socket: Connection) -> None:
        """One request a message, its events a message each, until the client closes."""
        for text in self._messages(socket):
            try:
                request = json.loads(text)
                if not isinstance(request, dict) or request.get("type") != "response.create":
                    raise MalformedError("type: response.create is required")
                answers: Sequence[Item] = self.api.answer(request)
            except ValueError as error:
                self.api.fault(f"websocket: {error}")
                answers = [{"type": "error", "status": 400, "error": {"type": "invalid", "message": str(error)}}]
            for answer in answers:
                self.connection.sendall(socket.send(TextMessage(json.dumps(answer))))

    def _messages(self, socket: Connection) -> Iterator[str]:
        parts: list[str] = []
        while data := self.connection.recv(65536):
            socket.receive_data(data)
            for event in socket.events():
                if isinstance(event, TextMessage):
                    parts.append(event.data)
                    if event.message_finished:
                        yield "".join(parts)
                        parts.clear()
                elif isinstance(event, Ping | CloseConnection):
                    self.connection.sendall(socket.send(event.response()))
                    if isinstance(event, CloseConnection):
                        return


def _event(item: Item) -> bytes:
    return f"event: {item['type']}\ndata: {json.dumps(item)}\n\n".encode()


def _accounts(account: str) -> Mapping[str, Any]:
    entry = {
        "id": account,
        "workspace_backend_origin": f"https://{CHATGPT_HOST}",
        "account_routing_override": "NO_CONSTRAINT",
    }
    return {"accounts": [entry], "account_ordering": [account], "default_account_id": account}

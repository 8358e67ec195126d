"""A stand-in of the Anthropic API: a strict HTTPS server on this host that real clients talk to.

It takes one credential and remembers who came with another one, answers what the real Claude Code asks, and refuses the
rest: an unknown path, a wrong host, a body that is not whole. Only `ECHO` tells the credential.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from attrs import define, field

from tests.support.anthropic_script import Conversations, Script, ToolResult, tokens_in
from tests.support.anthropic_stream import events, message
from tests.support.standin_server import Handler, MalformedError, RefusedError, Standin
from tests.support.standin_tls import ServerTls

API_HOST = "api.anthropic.com"
OAUTH_BETA = "oauth-2025-04-20"
ABSENT = frozenset({"/api/claude_code/settings", "/api/claude_code/policy_limits"})
"""What Claude Code asks for at its start and does well without."""
ECHO = "/echo"
"""Answers with the request's own headers, as debugging endpoints do: the one place where the credential is told."""


@define(init=False)
class AnthropicApi(Standin):
    """The stand-in. Serves `API_HOST` with the credential, and `other_hosts`, which must never get any."""

    conversations: Conversations = field(repr=False)

    def __init__(
        self,
        tls: ServerTls,
        token: str,
        placeholder: str,
        scripts: Sequence[Script],
        address: str = "127.0.0.1",
        other_hosts: Sequence[str] = (),
    ) -> None:
        tokens = {API_HOST: token, **dict.fromkeys(other_hosts, "")}
        self.__attrs_init__(tls, tokens, placeholder, address, Conversations(scripts))

    def handler(self) -> type[Handler]:
        return _Handler

    @property
    def results(self) -> Sequence[ToolResult]:
        """The tool results that came back, in order."""
        with self.lock:
            return tuple(self.conversations.results)

    def answer(self, body: Mapping[str, Any]) -> tuple[str, Any]:
        """Model and next message. Raises MalformedError."""
        with self.lock:
            answer = self.conversations.reply(body)
        return str(body["model"]), answer


class _Handler(Handler):
    def route(self, body: bytes) -> None:
        known = self.host == API_HOST
        if known and (self.command, self.place) == ("POST", "/v1/messages"):
            self._messages(self._call(body))
        elif known and (self.command, self.place) == ("POST", "/v1/messages/count_tokens"):
            self.send_json(HTTPStatus.OK, {"input_tokens": tokens_in(self._call(body))})
        elif known and self.place == ECHO:
            self.send_json(HTTPStatus.OK, {"headers": [f"{name}: {value}" for name, value in self.headers.items()]})
        else:
            self.refuse_unknown(is_fault=known and self.place not in ABSENT)

    def error_body(self, refused: RefusedError) -> Mapping[str, Any]:
        return {"type": "error", "error": {"type": refused.kind, "message": str(refused)}}

    def _call(self, body: bytes) -> Mapping[str, Any]:
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
        return self.json_object(body)

    def _messages(self, body: Mapping[str, Any]) -> None:
        if type(body.get("max_tokens")) is not int or body["max_tokens"] < 1:
            raise MalformedError("max_tokens: a positive integer is required")
        assert isinstance(self.server.standin, AnthropicApi)
        model, answer = self.server.standin.answer(body)
        if body.get("stream"):
            self.send_events(events(model, answer, tokens_in(body)))
        else:
            self.send_json(HTTPStatus.OK, message(model, answer, tokens_in(body)))

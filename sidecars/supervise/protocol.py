"""The Model Context Protocol, as far as this server needs it: a message in, an answer out; nothing here waits or reads.

Stateless: every request says all that it needs, so a client that reconnects, or starts anew, goes on where it was.
Sources: JSON-RPC 2.0; MCP 2025-11-25, basic/lifecycle, basic/transports, server/tools and server/resources.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from attrs import frozen

from bottle import __version__
from bottle.domain.strict_json import ConfigError
from bottle.domain.supervise import InvalidProposalError
from sidecars.supervise import tools
from sidecars.supervise.desk import Desk, TooMuchError

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""The newest first: what a client is offered that names one that is not known."""

RULES = "bottle://rules"
PROPOSALS = "bottle://proposals"

_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602
_NO_RESOURCE = -32002
_UNDONE = ("pending", "approved")
"""How a proposal stands that is worth waiting for."""
_RESOURCES = [
    {
        "uri": RULES,
        "name": "rules",
        "description": "What this box may reach.",
        "mimeType": "application/json",
    },
    {
        "uri": PROPOSALS,
        "name": "proposals",
        "description": "What you asked the operator for, and how it stands.",
        "mimeType": "application/json",
    },
]

Message = dict[str, Any]
RequestId = str | int


@frozen
class Answer:
    """A message for the client; None where a notification wants none. `status` is HTTP's."""

    message: Message | None
    status: int = 200


@frozen
class Waiting:
    """An answer that may take a while: `answer` makes it, once `Desk` knows it or the seconds are over."""

    request: RequestId
    number: str
    seconds: int


class _RefusedError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Protocol:
    """One server over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take(self, body: bytes) -> Answer | Waiting:
        """The answer to the body of a POST; never raises for anything that a client may send."""
        try:
            message = _message(body)
        except _RefusedError as error:
            return _error(None, error, 400)
        if "method" not in message or "id" not in message:
            return Answer(None, 202)  # a notification, or an answer to something that was never asked
        request = message["id"]
        if type(request) not in (str, int) or not isinstance(message["method"], str):
            return _error(None, _RefusedError(_INVALID_REQUEST, "a request has an id and a method"), 400)
        try:
            found = self._answer(request, message["method"], message.get("params", {}))
        except _RefusedError as error:
            return _error(request, error)
        return found if isinstance(found, Waiting) else Answer(_result(request, found))

    def standing(self, waiting: Waiting) -> Answer | None:
        """The answer to a call that waits, once there is an end to waiting."""
        asked = self._desk.find(waiting.number)
        if asked is not None and asked.state(self._desk.now()) in _UNDONE:
            return None
        return self.late(waiting)

    def late(self, waiting: Waiting) -> Answer:
        """The answer to a call that has waited for as long as it wanted to."""
        return Answer(_result(waiting.request, self._status(waiting.number)))

    def _answer(self, request: RequestId, method: str, params: object) -> Message | Waiting:
        if not isinstance(params, dict):
            raise _RefusedError(_INVALID_PARAMS, "params: an object belongs here")
        match method:
            case "initialize":
                return _welcome(params)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": tools.TOOLS}
            case "tools/call":
                return self._call(request, params)
            case "resources/list":
                return {"resources": _RESOURCES}
            case "resources/templates/list":
                return {"resourceTemplates": []}
            case "resources/read":
                return self._read(params)
            case _:
                raise _RefusedError(_NO_METHOD, "no such method")

    def _call(self, request: RequestId, params: Mapping[str, object]) -> Message | Waiting:
        try:
            name, arguments = tools.arguments_of(params)
            if name == "wait":
                number, seconds = tools.wait_of(arguments)
                return Waiting(request, number, seconds)
            if name == "status":
                return self._status(tools.id_of(arguments))
            return self._ask(name, arguments)
        except ConfigError as error:
            return _said(f"not understood: {error}", is_error=True)

    def _ask(self, name: str, arguments: object) -> Message:
        wish, why = tools.wish_of(name, arguments)
        try:
            proposal = self._desk.ask(wish, why)
        except (InvalidProposalError, TooMuchError) as error:
            return _said(str(error), is_error=True)
        except OSError:
            return _said("the proposal could not be kept: the operator's disk may be full", is_error=True)
        return self._status(proposal.id)

    def _status(self, number: str) -> Message:
        asked = self._desk.find(number)
        if asked is None:
            return _said("no proposal of yours has this id", is_error=True)
        return _said(json.dumps(tools.outcome(asked, self._desk.now())))

    def _read(self, params: Mapping[str, object]) -> Message:
        uri = params.get("uri")
        found: object
        if uri == RULES:
            found = self._desk.rules()
        elif uri == PROPOSALS:
            found = [tools.outcome(asked, self._desk.now()) for asked in self._desk.all()]
        else:
            raise _RefusedError(_NO_RESOURCE, f"there are {RULES} and {PROPOSALS}")
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": json.dumps(found)}]}


def _message(body: bytes) -> Message:
    """One message; batches are no part of the protocol any more."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise _RefusedError(_PARSE_ERROR, "no JSON") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _RefusedError(_INVALID_REQUEST, "one message of JSON-RPC 2.0 belongs here")
    return message


def _welcome(params: Mapping[str, object]) -> Message:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {}, "resources": {}},
        "serverInfo": {"name": "supervise", "title": "bottle supervise", "version": __version__},
        "instructions": tools.INSTRUCTIONS,
    }


def _said(text: str, *, is_error: bool = False) -> Message:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _result(request: RequestId, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": request, "result": result}


def _error(request: RequestId | None, error: _RefusedError, status: int = 200) -> Answer:
    message = {"jsonrpc": "2.0", "id": request, "error": {"code": error.code, "message": str(error)}}
    return Answer(cast("Message", message), status)

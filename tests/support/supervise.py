"""Plain clients of the server that stuck agents ask: one message, one answer, byte by byte as a test wants it."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field

from sidecars.supervise import protocol
from sidecars.supervise.desk import Desk
from sidecars.supervise.protocol import Waiting

JSON_ALONE = {"Content-Type": "application/json", "Accept": "application/json"}


@define
class Reply:
    """What came back. `message` is the JSON of the body, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body) if self.body else None


class Line(Protocol):
    """A way to the server."""

    def post(self, body: bytes) -> Reply:
        """The answer to one message."""


@define
class Client:
    """Messages of the protocol's, down a line."""

    line: Line

    def request(self, method: str, params: object = None) -> Any:
        """The answer to a request of JSON-RPC."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {} if params is None else params}
        return self.line.post(json.dumps(message).encode()).message

    def call(self, tool: str, **arguments: object) -> tuple[bool, Any]:
        """Whether the tool took the call, and what it said: parsed, where it is JSON."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})["result"]
        text = result["content"][0]["text"]
        return not result["isError"], text if result["isError"] else json.loads(text)

    def asked(self, tool: str, **arguments: object) -> str:
        """The id of a proposal that was taken."""
        ok, said = self.call(tool, **arguments)
        assert ok, said
        number: str = said["id"]
        return number


@define
class Wire:
    """Connections to one port of this host."""

    port: int

    def post(
        self, body: bytes, headers: Mapping[str, str] = JSON_ALONE, method: str = "POST", path: str = "/"
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


@define
class Inside:
    """The server's own code without its transport. Who waits is answered at once."""

    desk: Desk
    server: protocol.Protocol = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.server = protocol.Protocol(self.desk)

    def post(self, body: bytes) -> Reply:
        answer = self.server.take(body)
        if isinstance(answer, Waiting):
            answer = self.server.late(answer)
        return Reply(answer.status, {}, b"" if answer.message is None else json.dumps(answer.message).encode())

"""A plain client of the server that stuck agents ask: one message, one answer, byte by byte as a test wants it."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

from attrs import define

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


@define
class Client:
    """Connections to one port of this host."""

    port: int

    def post(self, body: bytes, headers: Mapping[str, str] = JSON_ALONE, method: str = "POST", path: str = "/") -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def request(self, method: str, params: object = None) -> Any:
        """The answer to a request of JSON-RPC."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {} if params is None else params}
        return self.post(json.dumps(message).encode()).message

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

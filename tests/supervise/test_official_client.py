"""The server as the protocol's own SDK sees it: another program's idea of what is right."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bottle.domain.supervise import Decision
from tests.supervise.conftest import Served

if TYPE_CHECKING:
    from mcp import ClientSession


def _in_session(port: int, work: "Callable[[ClientSession], Awaitable[Any]]") -> Any:
    from mcp import ClientSession  # here: it takes a second, of every worker that only reads this file
    from mcp.client.streamable_http import streamable_http_client

    async def run() -> Any:
        async with (
            streamable_http_client(f"http://127.0.0.1:{port}/") as streams,
            ClientSession(streams[0], streams[1]) as session,
        ):
            await session.initialize()
            return await work(session)

    return asyncio.run(run())


def test_the_sdk_finds_the_tools_and_the_resources(listening: Served) -> None:
    async def look(session: "ClientSession") -> Any:
        tools = await session.list_tools()
        resources = await session.list_resources()
        return [tool.name for tool in tools.tools], [str(resource.uri) for resource in resources.resources]

    tools, resources = _in_session(listening.port, look)
    assert tools == ["egress-block", "pipelock-block", "capability-block", "ask", "status", "wait"]
    assert resources == ["bottle://rules", "bottle://proposals"]


def test_a_call_of_the_sdks_waits_until_the_operator_answers(listening: Served) -> None:
    async def ask_and_wait(session: "ClientSession") -> Any:
        taken = await session.call_tool("egress-block", {"host": "pypi.org", "methods": ["GET"], "why": "to install"})
        number = json.loads(taken.content[0].text)["id"]  # type: ignore[union-attr]
        operator = threading.Thread(target=_approve, args=(listening, number))
        operator.start()
        waited = await session.call_tool("wait", {"id": number, "seconds": 30})
        operator.join()
        return json.loads(waited.content[0].text)  # type: ignore[union-attr]

    answered = _in_session(listening.port, ask_and_wait)
    assert (answered["state"], answered["scope"], answered["reason"]) == ("applied", "bottle", "go on")


def test_what_the_bottle_may_do_is_told_without_slots_and_addresses(listening: Served) -> None:
    async def read(session: "ClientSession") -> Any:
        found = await session.read_resource("bottle://rules")
        return found.contents[0].text  # type: ignore[union-attr]

    text = _in_session(listening.port, read)
    hosts = {route["host"]: route["credential"] for route in json.loads(text)["routes"]}
    assert hosts == {"api.example.com": "put in on the way out", "docs.example.com": "none"}
    assert "EGRESS_TOKEN_0" not in text


def _approve(listening: Served, number: str) -> None:
    listening.store.tell(listening.identity, Decision(number, "applied", 1.0, "sam", "bottle", reason="go on"))

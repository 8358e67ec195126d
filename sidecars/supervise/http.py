"""The streamable HTTP transport: one message a POST; an answer that takes a while is a stream with signs of life.

Nobody but the box reaches this server, and no browser is meant to: a request with an Origin is refused (MCP 2025-11-25,
basic/transports, security).
"""

import asyncio
import json
from collections.abc import AsyncIterator

import h11
from attrs import define, field

from sidecars.supervise import limits
from sidecars.supervise.protocol import Answer, Message, Protocol, Waiting

_STREAM = "text/event-stream"
_CHUNK = 65536


class _RefusedError(Exception):
    """A request that is no message of the protocol's."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@define(eq=False)
class Server:
    """Serves connections, a bounded number at a time."""

    protocol: Protocol
    _open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end, whatever is sent on it."""
        self._open += 1
        try:
            if self._open > limits.TURNED_AWAY:
                return
            await _Visit(self.protocol, reader, writer, is_welcome=self._open <= limits.CONNECTIONS).run()
        except (OSError, TimeoutError, h11.ProtocolError):
            pass  # it went away, was too slow, or does not speak HTTP: nobody is there to be told
        finally:
            self._open -= 1
            writer.close()


@define(eq=False)
class _Visit:
    """One connection."""

    protocol: Protocol
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_welcome: bool
    http: h11.Connection = field(factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024))

    async def run(self) -> None:
        while True:
            try:
                request = await self._request()
                if request is None:
                    return
                await self._reply(request, await self._body())
            except _RefusedError as refused:
                await self._say(refused.status, str(refused).encode(), "text/plain", last=True)
                return
            if self.http.our_state is h11.MUST_CLOSE or self.http.their_state is not h11.DONE:
                return
            self.http.start_next_cycle()

    async def _request(self) -> h11.Request | None:
        """The next request's head; None where the client leaves instead."""
        async with asyncio.timeout(limits.IDLE_SECONDS if self.is_welcome else limits.UNWELCOME_SECONDS):
            event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        if not self.is_welcome:
            raise _RefusedError(503, "too many connections at a time")
        headers = {bytes(name): bytes(value) for name, value in event.headers}
        if b"origin" in headers:
            raise _RefusedError(403, "no browser has business here")
        if event.method != b"POST":
            raise _RefusedError(405, "messages are posted")
        if event.target != b"/":
            raise _RefusedError(404, "the server is at /")
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise _RefusedError(415, "a message is application/json")
        return event

    async def _body(self) -> bytes:
        body = bytearray()
        async with asyncio.timeout(limits.HEAD_SECONDS):
            while not isinstance(event := await self._event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    raise ConnectionResetError
                body += event.data
                if len(body) > limits.REQUEST:
                    raise _RefusedError(413, f"a message has at most {limits.REQUEST} bytes")
        return bytes(body)

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(_CHUNK))
        return event

    async def _reply(self, request: h11.Request, body: bytes) -> None:
        answer = self.protocol.take(body)
        if isinstance(answer, Answer):
            await self._answer(answer)
        elif any(_STREAM.encode() in value for name, value in request.headers if name == b"accept"):
            await self._stream(answer)
        else:
            async for late in self._wait(answer):
                if late is not None:
                    await self._answer(late)

    async def _answer(self, answer: Answer) -> None:
        if answer.message is None:
            await self._say(answer.status, b"", "")
        else:
            await self._say(answer.status, json.dumps(answer.message).encode(), "application/json")

    async def _stream(self, waiting: Waiting) -> None:
        """The answer as an event, comments before it: clients give up on what is silent."""
        headers = [("Content-Type", _STREAM), ("Cache-Control", "no-store")]
        await self._send(h11.Response(status_code=200, headers=headers))
        async for answer in self._wait(waiting):
            await self._send(h11.Data(data=_event(answer.message if answer else None)))
        await self._send(h11.EndOfMessage())

    async def _wait(self, waiting: Waiting) -> AsyncIterator[Answer | None]:
        """The answer at last; None now and then until it is there."""
        loop = asyncio.get_running_loop()
        deadline, next_sign = loop.time() + waiting.seconds, loop.time()
        while (answer := self.protocol.standing(waiting)) is None and loop.time() < deadline:
            if loop.time() >= next_sign:
                next_sign = loop.time() + limits.SIGN_OF_LIFE_SECONDS
                yield None
            await asyncio.sleep(limits.LOOK_SECONDS)
        yield answer or self.protocol.late(waiting)

    async def _say(self, status: int, body: bytes, kind: str, *, last: bool = False) -> None:
        headers = [("Content-Length", str(len(body)))]
        headers += [("Content-Type", kind)] if kind else []
        headers += [("Connection", "close")] if last else []
        headers += [("Allow", "POST")] if status == 405 else []
        await self._send(h11.Response(status_code=status, headers=headers))
        if body:
            await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            async with asyncio.timeout(limits.HEAD_SECONDS):
                await self.writer.drain()


def _event(message: Message | None) -> bytes:
    if message is None:
        return b": the operator has not answered yet\n\n"
    return b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n"

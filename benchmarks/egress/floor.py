"""What TLS in and TLS out cost with uvloop alone: a proxy that reads no HTTP and has no rules. The floor for ours.

`python floor.py PORT ORIGIN_PORT LEAF.pem ROOTS.pem`; whatever CONNECT asks for, it leads to the origin.
"""

import asyncio
import ssl
import sys
from typing import cast

import uvloop

PORT, ORIGIN_PORT, LEAF, ROOTS = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
OUTER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
OUTER.load_cert_chain(LEAF)
ORIGIN = ssl.create_default_context(cafile=ROOTS)


class End(asyncio.Protocol):
    """One side; what it reads, the other side writes."""

    def __init__(self, other: "End | None" = None) -> None:
        self.transport: asyncio.Transport | None = None
        self.other = other
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=256 * 1024)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort()


class Door(asyncio.Protocol):
    """Answers one CONNECT, whatever it names."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.head += data
        if self.head.endswith(b"\r\n\r\n"):
            self.transport.pause_reading()
            self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.task = asyncio.get_running_loop().create_task(self.lead())

    async def lead(self) -> None:
        loop = asyncio.get_running_loop()
        agent = End()
        secured = await loop.start_tls(self.transport, agent, OUTER, server_side=True)
        if secured is None:
            return
        agent.connection_made(secured)
        _, origin = await loop.create_connection(
            lambda: End(agent), "127.0.0.1", ORIGIN_PORT, ssl=ORIGIN, server_hostname="localhost"
        )
        agent.other = origin
        for data in agent.early:
            agent.data_received(data)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Door, "127.0.0.1", PORT)
    await server.serve_forever()


uvloop.run(main())

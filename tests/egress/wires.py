"""A connection that is none: what is done with it can be looked at, and waited for."""

import asyncio
from typing import Any


class Wire(asyncio.Transport):
    """Keeps what is written, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reads = True
        self.is_closed = False
        self._happened = asyncio.Event()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self.written.append(bytes(data))
        self._happened.set()

    def close(self) -> None:
        self.is_closed = True
        self._happened.set()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    async def until_written(self, pieces: int) -> None:
        """Until so many pieces were written."""
        while len(self.written) < pieces:
            await self._next()

    async def until_closed(self) -> None:
        while not self.is_closed:
            await self._next()

    async def _next(self) -> None:
        self._happened.clear()
        await asyncio.wait_for(self._happened.wait(), 10)

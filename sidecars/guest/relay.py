"""Carries what arrives at ports of the guest's loopback to the sockets of the host's that are mounted in."""

import asyncio
import os
from collections.abc import Mapping

_NUMBER = 65532
_BACKLOG = 1024
_CHUNK = 65536


def relay(doors: Mapping[int, str]) -> None:
    """Serves for ever: each port's connections go to the Unix socket at a path. Raises OSError.

    Under a number that nobody else has, so that the agent can neither end nor trace it.
    """
    os.setgroups([])
    os.setresgid(_NUMBER, _NUMBER, _NUMBER)
    os.setresuid(_NUMBER, _NUMBER, _NUMBER)
    asyncio.run(_serve(doors))


async def _serve(doors: Mapping[int, str]) -> None:
    servers = [await _open(port, path) for port, path in doors.items()]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _open(port: int, path: str) -> asyncio.Server:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _carry(reader, writer, path)

    return await asyncio.start_server(carry, "127.0.0.1", port, backlog=_BACKLOG)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Both directions to their ends. A connection that breaks on one side is broken on the other."""
    try:
        beyond_reader, beyond_writer = await asyncio.open_unix_connection(path)
    except OSError:
        writer.transport.abort()
        return
    done = await asyncio.gather(_pour(reader, beyond_writer), _pour(beyond_reader, writer), return_exceptions=True)
    for end in (writer, beyond_writer):
        if any(isinstance(one, OSError) for one in done):
            end.transport.abort()
        end.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the end, which is passed on. What is not taken is not read: nothing piles up. Raises OSError."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
        raise

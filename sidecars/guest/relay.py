"""Carries what arrives at ports of the guest's loopback to the sockets of the host's that are mounted in."""

import asyncio
import os
from collections.abc import Mapping
from functools import partial

from sidecars.passage.carry import carry, keep_quiet, make_room

_NUMBER = 65532
_BACKLOG = 1024


def relay(doors: Mapping[int, str]) -> None:
    """Serves for ever: each port's connections go to the Unix socket at a path. Raises OSError.

    Under a number that nobody else has, so that the agent can neither end nor trace it.
    """
    make_room()
    os.setgroups([])
    os.setresgid(_NUMBER, _NUMBER, _NUMBER)
    os.setresuid(_NUMBER, _NUMBER, _NUMBER)
    asyncio.run(_serve(doors))


async def _serve(doors: Mapping[int, str]) -> None:
    keep_quiet()
    servers = [await _open(port, path) for port, path in doors.items()]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _open(port: int, path: str) -> asyncio.Server:
    return await asyncio.start_server(partial(_carry, path), "127.0.0.1", port, backlog=_BACKLOG)


async def _carry(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        beyond = await asyncio.open_unix_connection(path)
    except OSError:
        writer.transport.abort()
        return
    await carry((reader, writer), beyond)

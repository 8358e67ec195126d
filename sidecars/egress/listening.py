"""Where connections from the box arrive: an address, a Unix socket, or a socket that is handed over."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from bottle.domain.listen import Listen
from sidecars.egress import limits
from sidecars.host import handed


async def listen_for(make: Callable[[], asyncio.Protocol], listen: Listen) -> asyncio.Server:
    """Serves there from now on. Raises ConfigError or OSError."""
    loop = asyncio.get_running_loop()
    if listen.handed is not None:
        ours = await loop.run_in_executor(None, handed.take, listen.handed)
        if ours.family == socket.AF_UNIX:
            return await loop.create_unix_server(make, sock=ours, backlog=limits.CONNECTIONS)
        return await loop.create_server(make, sock=ours, backlog=limits.CONNECTIONS)
    if listen.unix:
        _remove_socket(listen.unix)
        return await loop.create_unix_server(make, listen.unix, backlog=limits.CONNECTIONS)
    return await loop.create_server(make, listen.host, listen.port, backlog=limits.CONNECTIONS)


def _remove_socket(path: str) -> None:
    """The last run's socket; nothing else is removed, so that a wrong path costs no file."""
    if Path(path).is_socket():
        Path(path).unlink()

"""Where connections from the box arrive: an address, a Unix socket, or a socket that the box's own init made."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from bottle.domain.sidecar_config import ConfigError, Listen
from sidecars.egress import limits


async def listen_for(make: Callable[[], asyncio.Protocol], listen: Listen) -> asyncio.Server:
    """Serves there from now on. Raises ConfigError or OSError."""
    loop = asyncio.get_running_loop()
    if listen.handed is not None:
        handed = await loop.run_in_executor(None, _take, listen.handed)
        return await loop.create_server(make, sock=handed, backlog=limits.CONNECTIONS)
    if listen.unix:
        _remove_socket(listen.unix)
        return await loop.create_unix_server(make, listen.unix, backlog=limits.CONNECTIONS)
    return await loop.create_server(make, listen.host, listen.port, backlog=limits.CONNECTIONS)


def _take(descriptor: int) -> socket.socket:
    """The listening socket that comes over a Unix socket, made in the box's network stack and so reached from there
    alone: what it accepts was never a packet on any network."""
    with socket.socket(fileno=descriptor) as channel:
        channel.settimeout(limits.HANDED_SECONDS)
        try:
            _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        except TimeoutError:
            raise ConfigError("listen: nobody handed a socket over") from None
    if not descriptors:
        raise ConfigError("listen: the other side hung up before it handed a socket over")
    handed = socket.socket(fileno=descriptors[0])
    if handed.family != socket.AF_INET or not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        handed.close()
        raise ConfigError("listen: what was handed over is no listening TCP socket")
    return handed


def _remove_socket(path: str) -> None:
    """The last run's socket; nothing else is removed, so that a wrong path costs no file."""
    if Path(path).is_socket():
        Path(path).unlink()

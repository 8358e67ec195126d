"""The end in the container: one port for all sidecars, which opens to whoever knows the key.

The sidecars listen on the container's loopback, so nothing else of it answers to anybody: the engine publishes this
port on the host's loopback, where every user and every program is, and neighbours may reach it at the container's
address.
"""

import asyncio
import json
import signal
import socket
import sys

from bottle.domain.passage import DoorStart, parse_start
from bottle.domain.strict_json import ConfigError
from sidecars.host.answers import ready, reject
from sidecars.host.privacy import keep_to_itself
from sidecars.passage import greeting
from sidecars.passage.carry import Ends, carry, keep_quiet, make_room
from sidecars.passage.greeting import StrangerError

_LONGEST = 65536
_BACKLOG = 1024
_MOST_STRANGERS = 1024
"""Who have not shown yet that they know the key. One more is sent away, so that strangers cannot take all there is."""


class Door:
    """What stands behind the port."""

    def __init__(self, start: DoorStart) -> None:
        self._start = start
        self._strangers = 0

    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For one caller, until the connection ends."""
        try:
            port = await self._asked((reader, writer))
            beyond = await asyncio.open_connection("127.0.0.1", port)
        except (StrangerError, OSError):
            writer.transport.abort()
            return
        await carry((reader, writer), beyond)

    async def _asked(self, ends: Ends) -> int:
        """The port that may be asked for. Raises StrangerError."""
        if self._strangers >= _MOST_STRANGERS:
            raise StrangerError
        self._strangers += 1
        try:
            port = await greeting.answer(ends, self._start.key)
        finally:
            self._strangers -= 1
        if port not in self._start.doors:
            raise StrangerError
        return port


def main() -> int:
    """The program: a document on standard input, an answer on standard output, and then callers.

    Exit status 1 for a document that cannot be served.
    """
    keep_to_itself()
    make_room()
    try:
        start = parse_start(json.loads(sys.stdin.buffer.readline(_LONGEST)))
        listener = socket.create_server(("0.0.0.0", start.port), backlog=_BACKLOG)  # noqa: S104 - the engine publishes it
    except ConfigError as error:
        return reject(str(error))
    except ValueError:
        return reject("the line is no JSON document")
    except OSError as error:
        return reject(error.strerror or "the system refused")
    asyncio.run(_serve(Door(start), listener))
    return 0


async def _serve(door: Door, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await asyncio.start_server(door.open, sock=listener, backlog=_BACKLOG)
    ready()
    keep_quiet()
    await stop.wait()

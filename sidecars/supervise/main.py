"""Starts the server and serves until it is told to end."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading

from bottle.domain.listen import Listen
from bottle.domain.strict_json import ConfigError
from bottle.domain.supervise_files import SuperviseStart, parse_start
from sidecars.host import handed
from sidecars.host.answers import ready, reject
from sidecars.supervise.desk import Desk
from sidecars.supervise.http import Server
from sidecars.supervise.protocol import Protocol

_LONGEST = 65536
_BACKLOG = 64


def main() -> int:
    """The program: a document on standard input, an answer on standard output, and then the agent's requests.

    Exit status 1 for a document that cannot be served.
    """
    os.umask(0o022)  # the host, another user, reads what is written here
    try:
        start = parse_start(json.loads(sys.stdin.buffer.readline(_LONGEST)))
        listener = _listener(start.listen)
        server = Server(Protocol(Desk(start)))
    except ConfigError as error:
        return reject(str(error))
    except ValueError:
        return reject("the line is no JSON document")
    except OSError as error:
        return reject(error.strerror or "the system refused")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    threading.Thread(target=_end_with_input, args=(start,), name="stdin", daemon=True).start()
    asyncio.run(_serve(server, listener))
    return 0


async def _serve(server: Server, listener: socket.socket) -> None:
    serving = await asyncio.start_server(server.serve, sock=listener, backlog=_BACKLOG)
    ready()
    await serving.serve_forever()


def _end_with_input(start: SuperviseStart) -> None:
    while os.read(0, 65536):
        pass
    if start.tied:
        os._exit(0)


def _listener(listen: Listen) -> socket.socket:
    """Raises ConfigError, OSError."""
    if listen.handed is not None:
        return handed.take(listen.handed)
    return socket.create_server((listen.host, listen.port), backlog=_BACKLOG)

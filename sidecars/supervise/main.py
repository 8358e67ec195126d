"""Starts the server and serves until it is told to end."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading

from bottle.domain.sidecar_config import Listen
from bottle.domain.strict_json import ConfigError
from bottle.domain.supervise_files import SuperviseStart, parse_start
from sidecars.supervise.desk import Desk
from sidecars.supervise.http import Server
from sidecars.supervise.protocol import Protocol

_LONGEST = 65536
_BACKLOG = 64
_HANDED_SECONDS = 30.0


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
        return _rejected(str(error))
    except ValueError:
        return _rejected("the line is no JSON document")
    except OSError as error:
        return _rejected(error.strerror or "the system refused")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    threading.Thread(target=_end_with_input, args=(start,), name="stdin", daemon=True).start()
    asyncio.run(_serve(server, listener))
    return 0


async def _serve(server: Server, listener: socket.socket) -> None:
    serving = await asyncio.start_server(server.serve, sock=listener, backlog=_BACKLOG)
    _say({"event": "ready", "version": 0})
    await serving.serve_forever()


def _end_with_input(start: SuperviseStart) -> None:
    while os.read(0, 65536):
        pass
    if start.tied:
        os._exit(0)


def _listener(listen: Listen) -> socket.socket:
    """Raises ConfigError, OSError."""
    if listen.handed is None:
        return socket.create_server((listen.host, listen.port), backlog=_BACKLOG)
    with socket.socket(fileno=listen.handed) as door:
        door.settimeout(_HANDED_SECONDS)
        _, descriptors, _, _ = socket.recv_fds(door, 1, 1)
    if not descriptors:
        raise ConfigError("listen: the other side hung up before it handed a socket over")
    return socket.socket(fileno=descriptors[0])


def _rejected(reason: str) -> int:
    _say({"event": "rejected", "reason": reason})
    return 1


def _say(document: dict[str, object]) -> None:
    try:
        os.write(1, json.dumps(document).encode() + b"\n")
    except OSError:
        pass  # a reader that has gone away is no reason not to serve

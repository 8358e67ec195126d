"""The end on the host: the sockets that a virtual machine has mounted, carried to the door of its sidecars' container.

It lives as a keeper does (sidecars/keeper/main.py), and answers as one: standard input is a Unix socket on which an
order comes, and then it is the lifeline; the control socket is for whoever else has business here. It runs wherever
Python does: nothing here is Linux's own.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from sidecars.host.privacy import keep_to_itself
from sidecars.keeper import order, premises
from sidecars.keeper.premises import Premises
from sidecars.passage import greeting
from sidecars.passage.carry import carry, keep_quiet, make_room
from sidecars.passage.greeting import StrangerError

NAME = "passage"
_LIFELINE = 0
_BACKLOG = 1024
_MOST_ASKED = 4096


class Passage:
    """What was ordered: {"control": descriptor, "doors": {port: descriptor}, "at": port, "key": hexadecimal,
    "become": user's number or None}."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        """Raises OSError, ValueError, KeyError."""
        self._doors = {int(port): socket.socket(fileno=number) for port, number in spec["doors"].items()}
        self._control = socket.socket(fileno=spec["control"])
        self._at, self._key = int(spec["at"]), bytes.fromhex(spec["key"])
        self._over = asyncio.Event()
        self._asked = b""
        self._left = False
        self._stopped_by: list[asyncio.StreamWriter] = []

    async def run(self, place: Premises) -> None:
        """Until the launcher is gone, somebody asks for the end, or nobody could find it any more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._over.set)
        for port, door in self._doors.items():
            await asyncio.start_unix_server(partial(self._carry, port), sock=door, backlog=_BACKLOG)
        await asyncio.start_unix_server(self._hear_visitor, sock=self._control)
        loop.add_reader(_LIFELINE, self._hear_launcher)
        order.tell_launcher({"event": "started"})
        keep_quiet()
        while not self._over.is_set() and not place.are_lost():
            await _wait(self._over, premises.SECONDS)
        place.remove()
        for visitor in self._stopped_by:
            await _say(visitor, {"event": "stopped"})

    async def _carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond = await asyncio.open_connection("127.0.0.1", self._at)
        except OSError:
            writer.transport.abort()
            return
        try:
            await greeting.call(beyond, self._key, port)
        except StrangerError:
            beyond[1].transport.abort()
            writer.transport.abort()
            return
        await carry((reader, writer), beyond)

    def _hear_launcher(self) -> None:
        data = os.read(_LIFELINE, _MOST_ASKED)
        self._asked = (self._asked + data)[-_MOST_ASKED:]
        if b"leave\n" in self._asked and not self._left:
            self._left = True
            order.tell_launcher({"event": "left"})
        if not data:
            asyncio.get_running_loop().remove_reader(_LIFELINE)
            if not self._left:
                self._over.set()

    async def _hear_visitor(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, a line of JSON, and one answer."""
        try:
            request = json.loads(await asyncio.wait_for(reader.readline(), greeting.SECONDS))
        except (OSError, ValueError, RecursionError, TimeoutError):
            request = None
        match request:
            case {"do": "stop"}:
                self._stopped_by.append(writer)
                self._over.set()
            case {"do": "programs"}:
                await _say(writer, {"event": "programs", "running": [NAME]})
            case _:
                await _say(writer, {"event": "refused"})


def main() -> None:
    """The program. Exit status 0 when it has ended the passage, 1 when it could not open it."""
    if os.fork():
        os._exit(0)  # the launcher has nobody to wait for, however long this goes on
    keep_to_itself()
    make_room()
    try:
        spec = order.heard(_LIFELINE)
        place = Premises(spec["runtime"])
        passage = Passage(spec)
        _become(spec["become"])
    except (OSError, ValueError, KeyError) as error:
        order.tell_launcher(
            {"event": "failed", "reason": f"{type(error).__name__}: {getattr(error, 'strerror', '') or ''}"}
        )
        sys.exit(1)
    asyncio.run(passage.run(place))
    os._exit(0)  # connections that are under way are over


def _become(number: int | None) -> None:
    """Nobody in particular, for a launcher that is root. Raises OSError."""
    if number is not None:
        os.setgroups([])
        os.setgid(number)
        os.setuid(number)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass


async def _say(visitor: asyncio.StreamWriter, message: Mapping[str, object]) -> None:
    """And hangs up. A visitor that is gone misses it."""
    try:
        visitor.write(json.dumps(message).encode() + b"\n")
        await visitor.drain()
    except OSError:
        pass
    visitor.close()

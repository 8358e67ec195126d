"""Standard input: one JSON document a line. The first configures, each later one replaces the rules, and each gets an
answer.

Every document is validated as a whole before anything changes; a bad one changes nothing. No answer quotes a value.
"""

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable

from bottle.domain.egress_config import EgressReload, EgressStart, parse_reload, parse_start
from bottle.domain.strict_json import ConfigError
from sidecars.egress import limits
from sidecars.host.answers import ready, reject

_STDIN = 0
END = b"\n"
"""Stands in the queue behind the last line: no line holds one."""


class Lines:
    """Whole lines out of pieces; one that is too long comes out as None."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes | None]:
        lines: list[bytes | None] = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._held += piece
            lines.append(None if self._too_long or len(self._held) > limits.DOCUMENT else bytes(self._held))
            self._held, self._too_long = bytearray(), False
        self._held += rest
        if len(self._held) > limits.DOCUMENT:
            self._held, self._too_long = bytearray(), True
        return lines


class Control:
    """Applies documents in order. `start` is called with the first good one, `reload` with those after it."""

    def __init__(self, start: Callable[[EgressStart], Awaitable[None]], reload: Callable[[EgressReload], None]) -> None:
        self._start = start
        self._reload = reload
        self._has_started = False

    async def run(self, lines: "asyncio.Queue[bytes | None]") -> None:
        """Answers documents until END; empty lines are passed by."""
        while (line := await lines.get()) != END:
            if line is None or line.strip():
                await self._apply(line)

    async def _apply(self, line: bytes | None) -> None:
        try:
            ready(await self._take(_json(line)))
        except ConfigError as error:
            reject(str(error))
        except OSError as error:  # an address in use, a directory that is not there
            reject(error.strerror or "the system refused")

    async def _take(self, data: object) -> int:
        if self._has_started:
            reload = parse_reload(data)
            self._reload(reload)
            return reload.policy.version
        start = parse_start(data)
        await self._start(start)
        self._has_started = True
        return start.policy.version


def read_stdin(deliver: Callable[[bytes | None], None], ended: Callable[[], None]) -> None:
    """Reads standard input on a thread of its own, for it can be a pipe, a socket or a file; tells of its end once."""
    threading.Thread(target=_read, args=(deliver, ended), name="stdin", daemon=True).start()


def _read(deliver: Callable[[bytes | None], None], ended: Callable[[], None]) -> None:
    lines = Lines()
    while data := _read_some():
        for line in lines.feed(data):
            deliver(line)
    ended()


def _read_some() -> bytes:
    try:
        return os.read(_STDIN, 65536)
    except OSError:
        return b""


def _json(line: bytes | None) -> object:
    if line is None:
        raise ConfigError("the document is too long")
    try:
        return json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise ConfigError("the line is no JSON document") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two values under one key would leave it to chance which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigError("a key stands twice in one object")
    return found

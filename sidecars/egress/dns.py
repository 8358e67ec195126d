"""Answers every DNS query at once with "no such name", so that a lookup in the box fails fast and is seen.

The box needs no names: the proxy resolves them. Answering also closes DNS as a way to carry bytes out.
"""

import asyncio
import time
from typing import cast

from sidecars.egress import limits
from sidecars.egress.audit import Trail

_QUERY_OR_RESPONSE = 0x80  # RFC 1035 4.1.1, in the header's third byte
_HEADER = 12
_NXDOMAIN = 3
_SERVFAIL = 2


def answer(query: bytes) -> tuple[bytes | None, str]:
    """The response to a datagram and the name that was asked for.

    NXDOMAIN with the question repeated; SERVFAIL where the question is malformed; None for what deserves no answer
    (too short to have an id, or itself a response: two responders must not talk to each other).
    """
    if len(query) < _HEADER or query[2] & _QUERY_OR_RESPONSE:
        return None, ""
    name, end = _question(query)
    if not end:
        return _header(query, _SERVFAIL, questions=0), ""
    return _header(query, _NXDOMAIN, questions=1) + query[_HEADER:end], name


def _header(query: bytes, code: int, *, questions: int) -> bytes:
    flags = bytes((0x80 | (query[2] & 0x79), 0x80 | code))  # QR, the opcode and RD as asked, RA, the code
    return query[:2] + flags + bytes((0, questions, 0, 0, 0, 0, 0, 0))


def _question(query: bytes) -> tuple[str, int]:
    """The first question's name, and where the question ends (0 when it is malformed)."""
    labels: list[str] = []
    at = _HEADER
    while at < len(query) and len(labels) < 128:
        size = query[at]
        if size == 0:
            end = at + 5
            return ".".join(labels), end if end <= len(query) and query[4:6] == b"\0\1" else 0
        if size > 63 or at + 1 + size > len(query):  # a compression pointer has nothing to point to here
            return "", 0
        labels.append(query[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    return "", 0


class Budget:
    """So many lines a second, with a burst; what exceeds it is counted instead."""

    def __init__(self, now: float) -> None:
        self._tokens = float(limits.DNS_LINES_BURST)
        self._at = now
        self.skipped = 0

    def spend(self, now: float) -> bool:
        """Whether a line may be written now."""
        self._tokens = min(limits.DNS_LINES_BURST, self._tokens + (now - self._at) * limits.DNS_LINES_PER_SECOND)
        self._at = now
        if self._tokens < 1:
            self.skipped += 1
            return False
        self._tokens -= 1
        return True


class Responder(asyncio.DatagramProtocol):
    """The UDP side."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._budget = Budget(time.monotonic())
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        response, name = answer(data)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, address)
            self._note(name)

    def _note(self, name: str) -> None:
        if not self._budget.spend(time.monotonic()):
            return
        entry = self._trail.entry("dns", "", name[:255], 53, "")
        entry.rule = "dns.closed"
        entry.reason = "names are resolved by the proxy alone"
        if self._budget.skipped:
            entry.reason += f" ({self._budget.skipped} more lookups were not written down)"
            self._budget.skipped = 0
        self._trail.close(entry)

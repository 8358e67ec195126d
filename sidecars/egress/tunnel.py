"""A pure tunnel: the client's hello is read and must name the host of the CONNECT, then bytes pass unread both ways."""

import asyncio
import time
from typing import Final, cast

from bottle.domain.egress import Verdict
from bottle.domain.hosts import Authority
from sidecars.egress import limits
from sidecars.egress.gateway import Gateway
from sidecars.egress.hello import HelloGate
from sidecars.egress.refusal import Refusal, Refused

# A fatal unrecognized_name alert (RFC 6066 3): the one thing that can be said to a client in the middle of its hello.
_UNRECOGNIZED_NAME: Final = b"\x15\x03\x01\x00\x02\x02\x70"


class FarEnd(asyncio.Protocol):
    """The origin's end of a tunnel."""

    def __init__(self) -> None:
        self.tunnel: Tunnel | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=limits.WRITE_HIGH)
        self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.tunnel is not None:
            self.tunnel.from_origin(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        if self.tunnel is not None:
            self.tunnel.close()

    def pause_writing(self) -> None:
        if self.tunnel is not None:
            self.tunnel.pause_agent()

    def resume_writing(self) -> None:
        if self.tunnel is not None:
            self.tunnel.resume_agent()


class Tunnel(asyncio.Protocol):
    """The agent's end of a tunnel, which keeps the other end."""

    def __init__(self, gateway: Gateway, transport: asyncio.Transport, authority: Authority, verdict: Verdict) -> None:
        self._gateway = gateway
        self._transport = transport
        self._authority = authority
        self._verdict = verdict
        self._gate = HelloGate(authority.host)
        self._far: FarEnd | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._since = time.monotonic()
        self._entry = gateway.trail.entry("tunnel", "CONNECT", authority.host, authority.port, "")
        self._entry.rule, self._entry.reason = verdict.rule, verdict.reason

    def begin(self, rest: bytes) -> None:
        """The CONNECT was answered; what the client sends from now on is for the origin, once its hello was read."""
        self._gateway.guests.add(self)
        self._transport.resume_reading()
        if rest:
            self.data_received(rest)

    @property
    def is_busy(self) -> bool:
        return False

    def tick(self, now: float) -> None:
        limit = limits.TUNNEL_HELLO_SECONDS if not self._gate.is_open else limits.TUNNEL_IDLE_SECONDS
        if now - self._since > limit:
            self.close("the tunnel was idle for too long")

    def reloaded(self) -> None:
        """A tunnel lives no longer than the route that allowed it."""
        verdict = self._gateway.rules.judge_tunnel(self._authority)
        if not verdict.passes_unread or verdict.route != self._verdict.route:
            self.close("the route is gone")

    def abort(self) -> None:
        self.close("the sidecar stopped")

    def close(self, reason: str | None = None) -> None:
        """Ends both sides, once, and writes it down."""
        if self._over:
            return
        self._over = True
        self._gateway.guests.discard(self)
        if reason is not None:
            self._entry.reason = reason
        for transport in (self._transport, self._far.transport if self._far is not None else None):
            if transport is not None:
                transport.close()
        self._gateway.trail.close(self._entry)

    # What the event loop calls, and the far end.

    def data_received(self, data: bytes) -> None:
        if self._gate.is_open:
            self._since = time.monotonic()
            self._entry.bytes_out += len(data)
            if self._far is None:
                self._gate.hold(data)
            elif self._far.transport is not None:
                self._far.transport.write(data)
            return
        refusal = self._gate.feed(data)
        if refusal is not None:
            self._transport.write(_UNRECOGNIZED_NAME)
            self._fail(refusal)
        elif self._gate.is_open:
            self._dial()

    def from_origin(self, data: bytes) -> None:
        self._since = time.monotonic()
        self._entry.bytes_in += len(data)
        self._transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.close()

    def pause_writing(self) -> None:
        if self._far is not None and self._far.transport is not None:
            self._far.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._far is not None and self._far.transport is not None:
            self._far.transport.resume_reading()

    def pause_agent(self) -> None:
        self._transport.pause_reading()

    def resume_agent(self) -> None:
        if not self._over:
            self._transport.resume_reading()

    def _fail(self, refusal: Refusal) -> None:
        self._entry.allowed, self._entry.rule, self._entry.status = False, refusal.rule, refusal.status
        self.close(refusal.reason)

    def _dial(self) -> None:
        self._transport.pause_reading()
        self._entry.allowed = True
        refusal = self._gateway.opens(self._entry)
        if refusal is not None:
            self._over = True
            self._gateway.guests.discard(self)
            self._transport.abort()
            return
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        route = self._verdict.route
        try:
            if route is None:
                return
            far = await self._gateway.dialler.reach(FarEnd, route, self._authority, secured=False)
        except Refused as refused:
            self._fail(refused.refusal)
            return
        self._far, far.tunnel = far, self
        self._since = time.monotonic()
        if self._over or far.transport is None:
            if far.transport is not None:
                far.transport.close()
            self.close()
            return
        held = self._gate.take()
        self._entry.bytes_out = len(held)
        far.transport.write(held)
        far.transport.resume_reading()
        self._transport.resume_reading()

"""One connection from the box, plain or inside TLS: bytes in both directions, deadlines, and the way it ends."""

import asyncio
import ssl
import time
from typing import cast

from bottle.domain.hosts import address_of
from sidecars.egress import limits
from sidecars.egress.connect import Opening
from sidecars.egress.conversation import Conversation
from sidecars.egress.door import Inside
from sidecars.egress.gateway import Gateway
from sidecars.egress.refusal import Refusal
from sidecars.egress.tls import is_for


class AgentSide(asyncio.Protocol):
    """The proxy's end of an agent's connection. `inside` is the CONNECT's host and port, None on the plain port."""

    def __init__(self, gateway: Gateway, inside: Inside | None = None) -> None:
        self.gateway = gateway
        self.is_choked = False
        """Whether the agent takes too little: more than enough waits for it already."""
        self.opening: Opening | None = None
        self.since = time.monotonic()
        """The last byte read or taken, or the beginning of a head."""
        self._inside = inside
        self._transport: asyncio.Transport | None = None
        self._conversation = Conversation(self, gateway, inside)
        self._lingers_until: float | None = None

    # What a conversation and its exchanges say.

    def send(self, data: bytes) -> None:
        """Bytes for the agent. Once the connection is gone they go nowhere."""
        if self._transport is not None and data:
            self._transport.write(data)

    def pause(self) -> None:
        """No more is wanted from the agent for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self.since = time.monotonic()
            self._transport.resume_reading()

    def close(self) -> None:
        """Ends the connection once what was sent is delivered."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection at once; the agent can tell that something is missing."""
        if self._transport is not None:
            self._transport.abort()

    def linger(self) -> None:
        """Reads on for a moment: to close with bytes unread resets the connection, and the response is lost with it."""
        self._lingers_until = time.monotonic() + limits.LINGER_SECONDS
        self.resume()

    def hand_over(self, opening: Opening, rest: bytes) -> None:
        """From now on the connection belongs to the tunnel that the agent asked for."""
        if self._transport is not None:
            self.opening = opening
            self._transport.pause_reading()
            opening.begin(self._transport, rest, AgentSide)

    def hand_on(self) -> asyncio.Transport | None:
        """The connection, which is somebody else's from now on; None where the agent is gone."""
        transport, self._transport = self._transport, None
        self.gateway.guests.discard(self)
        return transport

    # gateway.Guest

    @property
    def is_busy(self) -> bool:
        return self.opening is not None or self._conversation.is_busy

    def tick(self, now: float) -> None:
        if self._lingers_until is not None:
            if now > self._lingers_until:
                self.abort()
        elif self.is_choked:
            if now - self.since > limits.AGENT_STALL_SECONDS:
                self.abort()
        elif self.opening is None:
            self._conversation.tick(now)

    def reloaded(self) -> None:
        """The next request meets the new rules; nothing to do now."""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=limits.WRITE_HIGH)
        if self._inside is not None:
            self._check_name(self._inside.authority.host)
        if self.gateway.is_full:
            self._conversation.refuse_for_good(Refusal(503, "connections", "too many connections at a time"))
        self.gateway.guests.add(self)

    def data_received(self, data: bytes) -> None:
        if self._lingers_until is None:
            if not self._conversation.is_within_head:
                self.since = time.monotonic()
            self._conversation.feed(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self.gateway.guests.discard(self)
        self._conversation.lost()

    def pause_writing(self) -> None:
        self.is_choked = True
        self.since = time.monotonic()
        self._conversation.choked()

    def resume_writing(self) -> None:
        self.is_choked = False
        self.since = time.monotonic()
        self._conversation.unchoked()

    def _check_name(self, host: str) -> None:
        connection = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        is_address = address_of(host) is not None
        if connection is None or not is_for(cast("ssl.SSLObject", connection), host, is_address=is_address):
            reason = f"the TLS server name is not {host}, the host of the CONNECT"
            self._conversation.misdirected = Refusal(421, "sni.mismatch", reason)

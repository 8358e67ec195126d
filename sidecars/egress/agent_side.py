"""One connection from the box, plain or inside TLS: reads requests one after another and sees that each is answered."""

import asyncio
import json
import ssl
import time
from collections import deque
from typing import cast

from bottle.domain.hosts import Authority, address_of
from sidecars.egress import limits
from sidecars.egress.connect import Opening
from sidecars.egress.door import Named, connect_authority, named_inside, named_outside
from sidecars.egress.exchange import Exchange
from sidecars.egress.gateway import Gateway
from sidecars.egress.reader import END, RequestEvent, RequestReader
from sidecars.egress.refusal import Refusal, Refused, response
from sidecars.egress.tls import is_for
from sidecars.egress.wire import RequestHead


class AgentSide(asyncio.Protocol):
    """The proxy's side of an agent's connection. `inside` is the CONNECT's host and port, None on the plain port."""

    def __init__(self, gateway: Gateway, inside: Authority | None = None) -> None:
        self.gateway = gateway
        self.closes_after = False
        self.closes_hard = False
        self.is_choked = False
        self._inside = inside
        self._transport: asyncio.Transport | None = None
        self._reader = RequestReader()
        self._early: list[bytes] = []
        self._events: deque[RequestEvent] = deque()
        self._head: RequestHead | None = None
        self._exchange: Exchange | None = None
        self._ended = True
        self._pumping = False
        self._misdirected: Refusal | None = None
        self._opening: Opening | None = None
        self._lingers_until: float | None = None
        self._since = time.monotonic()  # the last byte read or taken, or the beginning of a head

    # What an exchange says.

    def send(self, pieces: list[bytes]) -> None:
        """Bytes for the agent, in order. Once the connection is gone they go nowhere."""
        if self._transport is not None and pieces:
            if len(pieces) == 1:
                self._transport.write(pieces[0])
            else:
                self._transport.writelines(pieces)

    def answer(self, refusal: Refusal, *, head_only: bool = False) -> None:
        """The refusal as the response to the current request."""
        self.closes_after |= self._must_close(refusal)
        self.send([response(refusal, close=self.closes_after, body=not head_only)])

    def pause(self, exchange: Exchange) -> None:
        """No more of the request is wanted for now."""
        if exchange is self._exchange and self._transport is not None:
            self._transport.pause_reading()

    def resume(self, exchange: Exchange) -> None:
        if exchange is self._exchange and self._transport is not None:
            self._since = time.monotonic()
            self._transport.resume_reading()

    def done(self, exchange: Exchange) -> None:
        """The exchange has ended; the response, or what there will be of it, is sent."""
        if exchange is self._exchange:
            self._exchange = None
            self._since = time.monotonic()
            self._settle()

    # gateway.Guest

    @property
    def is_busy(self) -> bool:
        return self._exchange is not None or self._opening is not None

    def tick(self, now: float) -> None:
        if self._lingers_until is not None:
            if now > self._lingers_until:
                self.abort()
        elif self._opening is not None:
            return
        elif self.is_choked:
            if now - self._since > limits.AGENT_STALL_SECONDS:
                self.abort()
        elif self._exchange is not None:
            self._tick_exchange(now, self._exchange)
        elif self._reader.is_within_head:
            if now - self._since > limits.AGENT_HEAD_SECONDS:
                self._refuse_for_good(Refusal(408, "http.slow", "the headers took too long"))
        elif now - self._since > limits.AGENT_IDLE_SECONDS:
            self.close()

    def reloaded(self) -> None:
        """The next request meets the new rules; nothing to do now."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.gateway.is_full:
            self.answer(Refusal(503, "connections", "too many connections at a time"))
            self.close()
            return
        self.gateway.guests.add(self)
        self._transport.set_write_buffer_limits(high=limits.WRITE_HIGH)
        if self._inside is not None:
            self._check_name(self._inside)
            early, self._early = self._early, []
            for data in early:
                self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:  # start_tls delivers before it returns the transport
            self._early.append(data)
            return
        if self._lingers_until is not None:
            return
        if not self._reader.is_within_head:
            self._since = time.monotonic()
        self._events.extend(self._reader.feed(data))
        self._pump()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self.gateway.guests.discard(self)
        self._events.clear()
        if self._exchange is not None:
            self._exchange.agent_gone("the agent closed the connection")

    def pause_writing(self) -> None:
        self.is_choked = True
        self._since = time.monotonic()
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        self.is_choked = False
        self._since = time.monotonic()
        if self._exchange is not None:
            self._exchange.resume()

    # One request after another.

    def _pump(self) -> None:
        """Takes events until one has to wait for the response before it."""
        if self._pumping:
            return
        self._pumping = True
        events = self._events
        while events and self._lingers_until is None and not (self._ended and self._exchange is not None):
            self._take(events.popleft())
        self._pumping = False
        if events:
            self._hold_back()

    def _take(self, event: RequestEvent) -> None:
        exchange = self._exchange
        if event is END:
            self._ended = True
            if exchange is not None:
                exchange.body_complete()
        elif isinstance(event, bytes):
            if exchange is not None:
                exchange.body(event)
        elif isinstance(event, RequestHead):
            self._begin(event)
        elif isinstance(event, Refusal):
            self._refuse_for_good(event)

    def _hold_back(self) -> None:
        """What a client sends ahead of our responses waits in the kernel."""
        if sum(isinstance(event, RequestHead) for event in self._events) > limits.PIPELINED_REQUESTS:
            self._events.clear()
            self._events.append(Refusal(400, "http.pipelining", "too many requests at a time on one connection"))
        if self._transport is not None:
            self._transport.pause_reading()

    def _begin(self, head: RequestHead) -> None:
        self._head, self._ended = head, False
        self.closes_after |= head.close
        try:
            if self._misdirected is not None:
                raise Refused(self._misdirected)
            if head.method == "CONNECT" and self._inside is None:
                self._connect(head)
                return
            if self._inside is None and head.target == "/" and head.method == "GET":
                self._say_hello()
                return
            named = named_outside(head) if self._inside is None else named_inside(head, self._inside)
        except Refused as refused:
            self._turn_away(refused.refusal)
            return
        self._exchange_for(head, named)

    def _exchange_for(self, head: RequestHead, named: Named) -> None:
        gateway = self.gateway
        rules = gateway.rules
        path, mark, _ = named.target.partition("?")
        authority = named.authority
        entry = gateway.trail.entry("http", head.method, authority.host, authority.port, path, query=bool(mark))
        refusal: Refusal | None
        try:
            if head.upgrade:
                raise Refused(Refusal(426, "http.upgrade", "only HTTP/1.1 passes here, no WebSocket and no h2c"))
            ticket = rules.judge(named.scheme, authority, head.method, named.target)
        except Refused as refused:
            gateway.note_refusal(entry, refused.refusal)
            self._respond(refused.refusal)
            return
        entry.allowed, entry.rule, entry.reason = True, ticket.verdict.rule, ticket.verdict.reason
        refusal = gateway.opens(entry)
        if refusal is not None:
            self._respond(refusal)
            return
        self._exchange = Exchange(self, rules, ticket, head, entry)
        self._exchange.begin()

    def _connect(self, head: RequestHead) -> None:
        """Hands the connection over to whoever opens the tunnel; nothing is read here any more."""
        authority = connect_authority(head)
        if self._transport is None:
            return
        self._transport.pause_reading()
        self._opening = Opening(self.gateway, self._transport, authority, self)
        self._opening.begin(self._reader.rest, AgentSide)

    def _say_hello(self) -> None:
        self._ended = True
        status = {"service": "bottle egress", "policy": self.gateway.rules.policy.version}
        body = json.dumps(status).encode() + b"\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.send([head.encode() + body])
        self._settle()

    # Refusals and ends.

    def refuse_connect(self, authority: Authority, refusal: Refusal) -> None:
        """The tunnel is not opened after all: the answer to the CONNECT."""
        self._opening = None
        self._turn_away(refusal, authority)

    def _turn_away(self, refusal: Refusal, authority: Authority | None = None) -> None:
        """Refuses a request that never met the policy: written down with what is known of it."""
        known, head = authority or self._inside, self._head
        method = head.method if head is not None else ""
        host, port = (known.host, known.port) if known is not None else (_shown(head.target) if head else "", 0)
        entry = self.gateway.trail.entry("tunnel" if method == "CONNECT" else "http", method, host, port, "")
        self.gateway.note_refusal(entry, refusal)
        self._respond(refusal)

    def _respond(self, refusal: Refusal) -> None:
        self.answer(refusal, head_only=self._head is not None and self._head.method == "HEAD")
        self._settle()

    def _refuse_for_good(self, refusal: Refusal) -> None:
        """What came is no HTTP: nothing after it can be trusted to be where it seems to be."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.agent_gone(refusal.reason)
            if exchange.has_answered:
                self.abort()
                return
        self.closes_after = True
        self._head, self._ended = None, False
        self._turn_away(refusal)
        self._linger()

    def _must_close(self, refusal: Refusal) -> bool:
        head = self._head
        if head is None or refusal.status in (421, 426) or self.gateway.is_stopping or head.method == "CONNECT":
            return True
        unread = not self._ended and (head.chunked or (head.length or 0) > limits.DISCARD)
        return unread or (head.expects_continue and not self._ended)

    def _settle(self) -> None:
        """After a response: the next request, or the end."""
        if self.closes_hard:
            self.abort()
        elif self._body_is_coming() and (self.closes_after or self._head is None):
            self._linger()
        elif self.closes_after:
            self.close()
        elif self._transport is not None:
            self._transport.resume_reading()
            self._pump()

    def _body_is_coming(self) -> bool:
        head = self._head
        return not self._ended and (head is None or head.chunked or bool(head.length))

    def _linger(self) -> None:
        """Reads on for a moment: to close with bytes unread resets the connection, and the response is lost with it."""
        self._events.clear()
        self._lingers_until = time.monotonic() + limits.LINGER_SECONDS
        if self._transport is not None:
            self._transport.resume_reading()

    def _tick_exchange(self, now: float, exchange: Exchange) -> None:
        if not self._ended and exchange.wants_body and now - self._since > limits.AGENT_BODY_SECONDS:
            self._refuse_for_good(Refusal(408, "http.slow", "the body stopped in the middle"))
        else:
            exchange.tick(now)

    def _check_name(self, inside: Authority) -> None:
        connection = cast("ssl.SSLObject", self._transport.get_extra_info("ssl_object")) if self._transport else None
        is_address = address_of(inside.host) is not None
        if connection is None or not is_for(connection, inside.host, is_address=is_address):
            reason = f"the TLS server name is not {inside.host}, the host of the CONNECT"
            self._misdirected = Refusal(421, "sni.mismatch", reason)


def _shown(target: str) -> str:
    """As much of a refused target as is worth a line: never its path or query."""
    return target.partition("://")[2].partition("/")[0][:255] if "://" in target else target.partition("/")[0][:255]

"""The requests of one connection, one after another: each is named, judged, begun, and answered before the next."""

import asyncio
import json
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from bottle.domain.dlp.stream import Leak
from bottle.domain.hosts import Authority
from sidecars.egress import limits
from sidecars.egress.admission import Admission
from sidecars.egress.audit import Entry, Kind
from sidecars.egress.connect import Opening as Tunnelling
from sidecars.egress.current import Current
from sidecars.egress.door import Inside, Named, connect_authority, named_inside, named_outside
from sidecars.egress.exchange import Exchange
from sidecars.egress.gateway import Gateway
from sidecars.egress.handshake import Opening, opening_of
from sidecars.egress.reader import END, Event, RequestReader
from sidecars.egress.refusal import Refusal, Refused, of_leak, response
from sidecars.egress.rules import Ticket
from sidecars.egress.wire import RequestHead

if TYPE_CHECKING:
    from sidecars.egress.agent_side import AgentSide


_LONG = Refusal(431, "http.size", "more headers than a CONNECT needs")
_EARLY = Refusal(400, "websocket.early", "the client spoke on before its WebSocket was open")


class Conversation:
    """Takes the agent's bytes, keeps the order of requests and responses, and says how the connection goes on."""

    def __init__(self, side: "AgentSide", gateway: Gateway, inside: Inside | None) -> None:
        self.side = side
        self.gateway = gateway
        self.closes_after = False
        """Whether the connection ends with the current response."""
        self.misdirected: Refusal | None = None
        """The answer to whatever is asked, where TLS was opened for another name."""
        self._inside = inside
        self._reader = RequestReader()
        self._events: deque[Event] = deque()
        self._current = Current()
        self._exchange: Exchange | None = None
        self._over = False  # nothing more is read
        self._pumping = False
        self._is_looking = False  # a thread is at work on a long head

    @property
    def is_busy(self) -> bool:
        return self._exchange is not None or self._is_looking

    @property
    def is_within_head(self) -> bool:
        """Whether a request has begun whose headers are not complete."""
        return self._exchange is None and self._reader.is_within_head

    @property
    def _is_waiting(self) -> bool:
        """Whether what comes has to wait: for a response, or for what a thread finds in the head."""
        return self._is_looking or (self._current.is_complete and self._exchange is not None)

    # What the agent's side says.

    def feed(self, data: bytes) -> None:
        may_switch = self._exchange.may_switch if self._exchange is not None else self._is_looking
        if may_switch and self._reader.has_switched:
            self.refuse_for_good(_EARLY)
            return
        self._events.extend(self._reader.feed(data))
        self._pump()

    def lost(self) -> None:
        """The agent is gone."""
        self._over = True
        self._events.clear()
        if self._exchange is not None:
            self._exchange.agent_gone("the agent closed the connection")

    def choked(self) -> None:
        if self._exchange is not None:
            self._exchange.pause()

    def unchoked(self) -> None:
        if self._exchange is not None:
            self._exchange.resume()

    def tick(self, now: float) -> None:
        """Looks at what is waited for, and for how long."""
        silent = now - self.side.since
        exchange = self._exchange
        if exchange is None:
            if self.is_within_head or not self._current.is_complete:
                if silent > limits.AGENT_HEAD_SECONDS:
                    self.refuse_for_good(Refusal(408, "http.slow", "the request took too long"))
            elif silent > limits.AGENT_IDLE_SECONDS:
                self.side.close()
        elif not self._current.is_complete and exchange.wants_body and silent > limits.AGENT_BODY_SECONDS:
            self.refuse_for_good(Refusal(408, "http.slow", "the body stopped in the middle"))
        else:
            exchange.tick(now)

    # What an exchange says.

    def answer(self, refusal: Refusal) -> None:
        """The refusal as the response to the current request."""
        current = self._current
        self.closes_after |= self.gateway.is_stopping or current.must_end_with(refusal)
        self.side.send(response(refusal, close=self.closes_after, body=current.method != "HEAD"))

    def done(self, exchange: Exchange, *, broken: bool) -> None:
        """The exchange has ended, and its response with it; `broken` says that the response is not complete."""
        if exchange is not self._exchange:
            return
        self._exchange = None
        if broken:
            self._over = True
            self.side.abort()
        else:
            self._settle()

    def switch(
        self, origin: asyncio.Transport | None, written: bytes, rest: bytes, ticket: Ticket, entry: Entry
    ) -> None:
        """The exchange became a WebSocket: `written` is our 101, `rest` what the origin said behind its own."""
        from sidecars.egress.websocket import Relay  # not before: wsproto costs a tenth of the start

        self._exchange, self._over = None, True
        agent = self.side.hand_on()
        if agent is None or origin is None:
            for transport in (agent, origin):
                if transport is not None:
                    transport.abort()
            self.gateway.trail.close(entry)
            return
        agent.write(written)
        Relay(self.gateway, ticket, entry, agent, origin).begin(rest)

    def refuse_connect(self, authority: Authority, refusal: Refusal) -> None:
        """The tunnel is not opened after all: the answer to the CONNECT."""
        self.side.opening = None
        self._turn_away(refusal, authority)

    def refuse_for_good(self, refusal: Refusal) -> None:
        """What came is no HTTP, or too much: nothing after it can be trusted to be where it seems to be."""
        exchange, self._exchange = self._exchange, None
        self._over = True
        if exchange is not None:
            exchange.agent_gone(refusal.reason)
            if exchange.has_answered:
                self.side.abort()
                return
        self._current, self.closes_after = Current(is_complete=False), True
        self._turn_away(refusal)

    # One request after another.

    def _pump(self) -> None:
        """Takes events until one has to wait for the response before it."""
        if self._pumping:
            return
        self._pumping = True
        events = self._events
        while events and not self._over and not self._is_waiting:
            event = events.popleft()
            if type(event) is RequestHead:
                self._begin(event)
            elif event is END:
                self._current.is_complete = True
                if self._exchange is not None:
                    self._exchange.body_complete()
            elif type(event) is bytes:
                if self._exchange is not None:
                    self._exchange.body(event)
            elif type(event) is Refusal:
                self.refuse_for_good(event)
        self._pumping = False
        if events and not self._over:
            self._hold_back()

    def _hold_back(self) -> None:
        """What a client sends ahead of our responses waits in the kernel, but for a few requests."""
        if sum(isinstance(event, RequestHead) for event in self._events) > limits.PIPELINED_REQUESTS:
            self._events.clear()
            self._events.append(Refusal(400, "http.pipelining", "too many requests at a time on one connection"))
        self.side.pause()

    def _begin(self, head: RequestHead) -> None:
        self._current = Current(head, is_complete=False)
        self.closes_after |= head.close
        inside = self._inside
        if self.misdirected is not None:
            self._turn_away(self.misdirected)
            return
        try:
            if inside is not None:
                named = named_inside(head, inside)
            elif head.method == "CONNECT":
                self._open_tunnel(head, connect_authority(head))
                return
            elif head.method == "GET" and head.target == "/":
                self._say_hello()
                return
            else:
                named = named_outside(head)
        except Refused as refused:
            self._turn_away(refused.refusal)
            return
        self._judge(head, named)

    def _open_tunnel(self, head: RequestHead, authority: Authority) -> None:
        """Nothing of a CONNECT is passed on, yet a secret in it is not passed over."""
        verdict = self.gateway.rules.judge_tunnel(authority)
        if verdict.route is not None and verdict.route.scan:
            guard, target = self.gateway.rules.guard, head.target.encode("latin-1")
            if guard.takes_long(target, head.fields):
                self._turn_away(_LONG, authority)
                return
            try:
                guard.check_head(target, head.fields)
            except Leak as leak:
                self._turn_away(of_leak(leak), authority)
                return
        self.side.hand_over(Tunnelling(self, authority), self._reader.rest)

    def _judge(self, head: RequestHead, named: Named) -> None:
        admission = Admission(self.gateway, head, named)
        refusal = admission.judge(self._opening)
        if refusal is not None:
            self._respond(refusal)
        else:
            self._is_looking = admission.look(partial(self._looked, admission))

    def _looked(self, admission: Admission, leak: Leak | None) -> None:
        """Goes on with a request whose head was looked at."""
        has_waited, self._is_looking = self._is_looking, False
        if self._over:
            return
        refusal = admission.conclude(leak)
        if refusal is not None:
            self._respond(refusal)
        else:
            self.closes_after |= admission.opening is not None
            self._exchange = admission.exchange(self)
            self._exchange.begin()
        if has_waited and not self._over:
            self.side.resume()
            self._pump()

    def _opening(self, head: RequestHead) -> Opening | None:
        """The WebSocket handshake that the request begins; raises Refused where the client says more before it is over,
        or where llhttp did not see the end of HTTP that we saw."""
        opening = opening_of(head)
        if opening is not None and (self._reader.rest or not self._reader.has_switched):
            raise Refused(_EARLY)
        return opening

    def _say_hello(self) -> None:
        """What a person sees who points a browser at the proxy, and what a health check asks for."""
        document = {"service": "bottle egress", "policy": self.gateway.rules.policy.version}
        body = json.dumps(document).encode() + b"\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.side.send(head.encode() + body)
        self._settle()

    # Refusals and ends.

    def _turn_away(self, refusal: Refusal, authority: Authority | None = None) -> None:
        """Refuses a request that never met the policy: written down with what is known of it."""
        known = authority or (self._inside.authority if self._inside is not None else None)
        current = self._current
        host, port = (known.host, known.port) if known is not None else (current.named, 0)
        kind: Kind = "tunnel" if current.method == "CONNECT" else "http"
        entry = self.gateway.trail.entry(kind, current.method, host, port, "")
        self.gateway.note_refusal(entry, refusal)
        self._respond(refusal)

    def _respond(self, refusal: Refusal) -> None:
        self.answer(refusal)
        self._settle()

    def _settle(self) -> None:
        """After a response: the next request, or the end."""
        if not self.closes_after and not self._current.leaves_much_unread:
            self.side.resume()
            if self._events:
                self._pump()
            return
        self._over = True
        self._events.clear()
        if self._current.has_more_to_come:
            self.side.linger()
        else:
            self.side.close()

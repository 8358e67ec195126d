"""One request and its response: sent anew, answered, repeated where that is safe, and written down at its end."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from bottle.domain.dlp.stream import Leak, Stream
from sidecars.egress import limits
from sidecars.egress.answer import Answer
from sidecars.egress.audit import Entry
from sidecars.egress.handshake import Opening
from sidecars.egress.reader import END, Event
from sidecars.egress.refusal import Refusal, Refused, of_leak
from sidecars.egress.rules import Ticket
from sidecars.egress.scanned import Scanned
from sidecars.egress.upstream import Link
from sidecars.egress.wire import RequestHead, ResponseHead
from sidecars.egress.writing import LAST_CHUNK, chunk, write_request

if TYPE_CHECKING:
    from sidecars.egress.conversation import Conversation

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# RFC 9110 9.2.2; only these are sent again when a kept connection turns out to be dead.
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Exchange:
    """Between an agent's connection and an origin's. Ends by telling the agent's side `done` exactly once."""

    def __init__(
        self,
        conversation: "Conversation",
        ticket: Ticket,
        head: RequestHead,
        entry: Entry,
        opening: Opening | None = None,
        scan: Stream | None = None,
    ) -> None:
        """`opening` is the handshake of a request for a WebSocket, `scan` judges the body."""
        self._conversation = conversation
        self._gateway = conversation.gateway
        self._agent = conversation.side
        self._ticket = ticket
        self._head = head
        self._entry = entry
        self._opening = opening
        self._link: Link | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self._unsent = b""
        self._scanned = None if scan is None else Scanned(scan, self._passes, self._leaks)
        self._has_passed = scan is None  # whether anything may go out already
        self._request_complete = False
        self._has_body = head.chunked or bool(head.length)
        self._answer = Answer(ticket.forms, head, entry)
        self._over = False
        self._origin_is_choked = False
        self.progress = time.monotonic()

    def begin(self) -> None:
        """Sends the request on its way. The trail knows of it already."""
        if self._head.expects_continue and self._has_body:
            self._agent.send(_CONTINUE)
        link = self._ticket.bucket.take()
        if link is None:
            self._dial()
        else:
            self._send(link)

    @property
    def has_answered(self) -> bool:
        """Whether the response has begun: then nothing else can be said."""
        return self._answer.has_begun

    @property
    def may_switch(self) -> bool:
        """Whether the agent has to wait for a 101 before it says anything (RFC 6455 4.1)."""
        return self._opening is not None

    @property
    def wants_body(self) -> bool:
        """Whether the agent is free to send on, so that its silence is its own."""
        is_scanning = self._scanned is not None and self._scanned.is_busy
        return self._link is not None and not self._origin_is_choked and not is_scanning

    # What the agent's side says.

    def body(self, data: bytes) -> None:
        """A piece of the request's body."""
        self._entry.bytes_out += len(data)
        self.progress = time.monotonic()
        if self._scanned is None:
            self._forward(data)
            return
        self._scanned.feed(data)
        if self._scanned.is_busy:
            self._agent.pause()

    def body_complete(self) -> None:
        """The request is complete."""
        if self._scanned is None:
            self._complete()
        else:
            self._scanned.finish()

    def _passes(self, data: bytes, is_last: bool) -> None:
        """So much of the body was judged; nothing of the request is sent before the first of it was."""
        self.progress = time.monotonic()
        self._has_passed = self._has_passed or is_last or bool(data)
        if data:
            self._forward(data)
        if is_last:
            self._complete()
        self._let_on()

    def _leaks(self, leak: Leak) -> None:
        self._fail(of_leak(leak))

    def _forward(self, data: bytes) -> None:
        self._waiting.append(chunk(data) if self._head.chunked else data)
        if self._link is None:
            self._agent.pause()
        else:
            self._flush()

    def _complete(self) -> None:
        self._request_complete = True
        if self._head.chunked:
            self._waiting.append(LAST_CHUNK)
        if self._waiting or self._unsent:
            self._flush()

    def _flush(self) -> None:
        """Writes what waits for the origin, where it may go."""
        if self._link is not None and self._has_passed and (self._unsent or self._waiting):
            data = b"".join([self._unsent, *self._waiting])
            self._unsent = b""
            self._waiting.clear()
            self._link.write(data)

    def _let_on(self) -> None:
        """Lets the agent send on, unless something is too full or too busy for that."""
        is_scanning = self._scanned is not None and self._scanned.is_busy
        if not (is_scanning or self._origin_is_choked or (self._link is None and self._waiting)):
            self._agent.resume()

    def agent_gone(self, reason: str) -> None:
        """The agent's connection is lost or broke the rules: the origin hears no more."""
        if not self._over:
            self._entry.reason, self._entry.facts = reason, ""
            self._end(keep=False)

    def pause(self) -> None:
        """The agent takes no more of the response for now."""
        if self._link is not None:
            self._link.pause()

    def resume(self) -> None:
        if self._link is not None:
            self._link.resume()

    def tick(self, now: float) -> None:
        """Looks at how long the origin has been silent; the agent's own slowness is the agent's side's matter."""
        if self._link is None or self._agent.is_choked:
            return
        limit = limits.RESPONSE_IDLE_SECONDS if self.has_answered else limits.RESPONSE_SECONDS
        if now - self.progress > limit:
            self._fail(Refusal(504, "upstream.timeout", f"{self._ticket.request.authority.host} went silent"))

    # What the origin's side says (upstream.Listener).

    def answered(self, events: list[Event]) -> None:
        self.progress = time.monotonic()
        if self._unsent:
            self._fail(Refusal(502, "upstream.response", "the origin answered what it was not asked"))
            return
        try:
            self._take(events)
        except Refused as refused:
            if type(events[0]) is ResponseHead:
                self._answer.take_back()  # nothing of it was sent
            self._fail(refused.refusal)

    def _take(self, events: list[Event]) -> None:
        first, last = events[0], events[-1]
        if type(first) is ResponseHead and first.status == 101:
            self._switch(first)
            return
        begun = self._open(first) if type(first) is ResponseHead else b""
        pieces = [event for event in events if type(event) is bytes]
        if last is END:
            self._agent.send(begun + self._answer.finished(pieces))
            self._end(keep=self._request_complete and self._opening is None and self._answer.leaves_open)
        else:
            self._agent.send(begun + self._answer.passed(pieces))
            if type(last) is Refusal:
                self._fail(last)

    def _open(self, head: ResponseHead) -> bytes:
        """The head for the agent. Raises Refused."""
        written = self._answer.opened(head, is_last=self._gateway.is_stopping)
        self._conversation.closes_after |= self._answer.ends_connection
        return written

    def _switch(self, head: ResponseHead) -> None:
        """The origin's 101: once it is checked, both connections belong to a WebSocket, and this exchange with them."""
        link, opening = self._link, self._opening
        if link is None or opening is None:
            return
        opening.complete(head)
        written = self._open(head)
        self._over, self._link = True, None
        origin, rest = link.hand_on()
        self._conversation.switch(origin, written, rest, self._ticket, self._entry)

    def lost(self) -> None:
        if self._over:
            return
        link, self._link = self._link, None
        if link is not None and link.is_reused and (self._unsent or self._may_retry()):
            self._dial()
            return
        self._fail(
            Refusal(502, "upstream.closed", f"{self._ticket.request.authority.host} closed the connection unanswered")
        )

    def choke(self) -> None:
        self._origin_is_choked = True
        self._agent.pause()

    def unchoke(self) -> None:
        self._origin_is_choked = False
        self._let_on()

    # The way there.

    def _may_retry(self) -> bool:
        return not self._has_body and self._head.method in _IDEMPOTENT and not self.has_answered

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        request, route = self._ticket.request, self._ticket.route
        secured = request.scheme == "https"
        try:
            link = await self._gateway.dialler.reach(Link, route, request.authority, secured=secured)
        except Refused as refused:
            self._fail(refused.refusal)
            return
        if self._over:
            link.close()
        else:
            self._send(link)

    def _send(self, link: Link) -> None:
        self._link = link
        opening, ticket = self._opening, self._ticket
        link.begin(self, self._head.method, switch=opening is not None)
        added = ticket.injected if opening is None else ticket.injected + opening.lines
        self._unsent = write_request(self._head, ticket.start, added, ticket.replaced, plainly=ticket.forms is not None)
        self.progress = time.monotonic()
        has_waited = bool(self._waiting)
        self._flush()
        if has_waited:
            self._let_on()
        if self._agent.is_choked:
            link.pause()

    # The end.

    def _fail(self, refusal: Refusal) -> None:
        """The origin, or the way to it, failed: said so where the response has not begun, else broken off."""
        if self._over:
            return
        self._entry.allowed = refusal.status != 403
        self._entry.rule, self._entry.reason, self._entry.facts = refusal.rule, refusal.reason, ""
        has_answered = self.has_answered
        if not has_answered:
            self._entry.status = refusal.status
            self._conversation.answer(refusal)
        self._end(keep=False, broken=has_answered)

    def _end(self, *, keep: bool, broken: bool = False) -> None:
        self._over = True
        if self._scanned is not None:
            self._scanned.stop()
        link, self._link = self._link, None
        if link is not None:
            if keep:
                self._ticket.bucket.give(link)
            elif self._request_complete:
                link.close()
            else:
                link.abort()
        self._gateway.trail.close(self._entry)
        self._conversation.done(self, broken=broken)

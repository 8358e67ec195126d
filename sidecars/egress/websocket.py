"""An open WebSocket: two connections, the frames between them, and how it ends."""

import asyncio
import time
from collections.abc import Callable
from enum import Enum
from typing import Final, cast

from wsproto.frame_protocol import CloseReason, FrameProtocol

from bottle.domain.secret_forms import SecretForms
from sidecars.egress import limits
from sidecars.egress.audit import Entry
from sidecars.egress.frames import Fault, Passage
from sidecars.egress.gateway import Gateway
from sidecars.egress.refusal import Refused
from sidecars.egress.rules import Ticket
from sidecars.egress.spoken import Spoken
from sidecars.scanner.guard import threads


class Direction(Enum):
    OUT = "from the agent to the origin"
    IN = "from the origin to the agent"


_NAMES: Final = {Direction.OUT: "the agent", Direction.IN: "the origin"}


class End(asyncio.Protocol):
    """One of the two connections. `direction` is that of what comes from it."""

    def __init__(self, relay: "Relay", transport: asyncio.Transport, direction: Direction) -> None:
        self.relay = relay
        self.transport = transport
        self.direction = direction
        self.frames = FrameProtocol(client=direction is Direction.IN, extensions=[])
        self.choked_since: float | None = None
        transport.set_protocol(self)

    def close(self, code: int | None) -> None:
        """Ends the connection, with a close frame where there is a code to say."""
        if code is not None:
            self.transport.write(bytes(self.frames.close(code)))
        self.transport.close()

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        self.relay.received(self, data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.relay.lost(self)

    def pause_writing(self) -> None:
        self.choked_since = time.monotonic()
        self.relay.other(self).transport.pause_reading()

    def resume_writing(self) -> None:
        self.choked_since = None
        self.relay.let_on(self.relay.other(self))


def _as_it_is(piece: bytes, _is_final: bool) -> bytes:
    return piece


class Relay:
    """A WebSocket that the rules let through, from the 101 to its end. A guest of the gateway's."""

    def __init__(
        self, gateway: Gateway, ticket: Ticket, entry: Entry, agent: asyncio.Transport, origin: asyncio.Transport
    ) -> None:
        self._gateway = gateway
        self._ticket = ticket
        self._entry = entry
        self._agent = End(self, agent, Direction.OUT)
        self._origin = End(self, origin, Direction.IN)
        self._spoken = Spoken(gateway.rules.guard_for(ticket)) if ticket.route.scan else None
        out = Passage(self._agent.frames, self._origin.frames, SecretForms(()), self._said, self._signalled)
        back = Passage(
            self._origin.frames, self._agent.frames, ticket.forms or SecretForms(()), _as_it_is, lambda _payload: None
        )
        self._passages = {Direction.OUT: out, Direction.IN: back}
        self._heard = b""  # from the agent, while what it said before is being scanned
        self._job: asyncio.Future[bytes] | None = None
        self._over = False
        self._since = time.monotonic()
        self._closing_since: float | None = None

    def begin(self, rest: bytes) -> None:
        """Passes frames from now on; `rest` came with the origin's 101."""
        self._gateway.guests.add(self)
        for end in (self._agent, self._origin):
            end.transport.resume_reading()
        if rest:
            self.received(self._origin, rest)

    def other(self, end: End) -> End:
        return self._origin if end is self._agent else self._agent

    # gateway.Guest

    @property
    def is_busy(self) -> bool:
        return False

    def tick(self, now: float) -> None:
        choked = [end for end in (self._agent, self._origin) if end.choked_since is not None]
        if any(now - cast("float", end.choked_since) > limits.AGENT_STALL_SECONDS for end in choked):
            self._finish("websocket.slow", f"{_NAMES[choked[0].direction]} takes nothing", abort=True)
        elif self._closing_since is not None:
            if now - self._closing_since > limits.WEBSOCKET_CLOSE_SECONDS:
                self._finish("route", self._told())
        elif now - self._since > limits.WEBSOCKET_IDLE_SECONDS:
            self._break(CloseReason.GOING_AWAY, "websocket.idle", "idle for too long")

    def reloaded(self) -> None:
        """A WebSocket lives no longer than the route that allowed it."""
        request = self._ticket.request
        try:
            ticket = self._gateway.rules.judge(request.scheme, request.authority, request.method, str(request.target))
            stands = ticket.route == self._ticket.route
        except Refused:
            stands = False
        if not stands:
            self._break(CloseReason.POLICY_VIOLATION, "websocket.policy", "the route is gone")

    def abort(self) -> None:
        self._finish("route", "the sidecar stopped", abort=True)

    # What the two ends say.

    def received(self, end: End, data: bytes) -> None:
        """Bytes from one side: what is in order goes to the other, what is not ends both."""
        passage = self._passages[end.direction]
        if self._over or passage.is_over:
            return
        self._since = time.monotonic()
        self._count(end, data)
        if end is self._agent and self._spoken is not None:
            self._heard += data
            self._scan()
        else:
            self._pass_on(end, lambda: passage.feed(data))

    def let_on(self, end: End) -> None:
        """Reads on from one side, unless the other takes no more, or what it said before is being scanned."""
        is_scanning = end is self._agent and self._job is not None
        if not is_scanning and self.other(end).choked_since is None:
            end.transport.resume_reading()

    def _scan(self) -> None:
        """Passes on what the agent said by way of a thread: what is packed in little may take long to look at."""
        if self._job is None:
            data, self._heard = self._heard, b""
            self._agent.transport.pause_reading()
            feed = self._passages[Direction.OUT].feed
            self._job = asyncio.get_running_loop().run_in_executor(threads(), feed, data)
            self._job.add_done_callback(self._scanned)

    def _scanned(self, job: "asyncio.Future[bytes]") -> None:
        self._job = None
        if self._over:
            job.exception()  # has been asked for, so that nobody warns of it
            return
        self._pass_on(self._agent, job.result)
        if self._over:
            return
        if self._heard:
            self._scan()
        else:
            self.let_on(self._agent)

    def _pass_on(self, end: End, fed: Callable[[], bytes]) -> None:
        """Sends on what `fed` lets through of what came from one side. Whatever goes wrong with it ends both."""
        passage = self._passages[end.direction]
        try:
            passed = fed()
        except Refused as refused:
            self._entry.allowed = False
            self._break(CloseReason.POLICY_VIOLATION, refused.refusal.rule, refused.refusal.reason)
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was judged
            asyncio.get_running_loop().call_exception_handler({"exception": error})
            self._entry.allowed = False
            self._break(CloseReason.INTERNAL_ERROR, "dlp.failed", "the scanner failed")
            return
        if passed:
            self.other(end).transport.write(passed)
        if passage.fault is not None:
            self._blame(end, passage.fault)
        elif passage.closed is not None:
            self._note_close()

    def lost(self, end: End) -> None:
        if self._closing_since is not None:
            self._finish("route", self._told())
        else:
            self._finish("websocket.lost", f"{_NAMES[end.direction]} hung up without a close frame")

    def _count(self, end: End, data: bytes) -> None:
        if end is self._agent:
            self._entry.bytes_out += len(data)
        else:
            self._entry.bytes_in += len(data)

    # What the agent says comes by here before it is passed on. Raising Refused ends the connection with 1008.

    def _said(self, piece: bytes, is_final: bool) -> bytes:
        return piece if self._spoken is None else self._spoken.piece(piece, is_final)

    def _signalled(self, payload: bytes) -> None:
        if self._spoken is not None:
            self._spoken.signal(payload)

    # Ends.

    def _note_close(self) -> None:
        """One side has closed: the other has a moment for its answer (RFC 6455 7.1.2)."""
        if all(passage.closed is not None for passage in self._passages.values()) and self._job is None:
            self._finish("route", self._told())
        elif self._closing_since is None:
            self._closing_since = time.monotonic()

    def _told(self) -> str:
        """Who closed, and with which codes (1005: with none)."""
        codes = [f"{_NAMES[way]} with {int(one.closed)}" for way, one in self._passages.items() if one.closed]
        return f"the WebSocket was closed by {' and '.join(codes)}"

    def _blame(self, end: End, fault: Fault) -> None:
        """The side that broke the rules is told which; the other, that it is not its fault."""
        reason = f"{_NAMES[end.direction]}: {fault.reason} (close code {fault.code})"
        others = CloseReason.GOING_AWAY if end is self._agent else CloseReason.INTERNAL_ERROR
        codes = (fault.code, int(others)) if end is self._agent else (int(others), fault.code)
        self._finish("websocket.frame", reason, codes=codes)

    def _break(self, code: int, rule: str, reason: str) -> None:
        self._finish(rule, reason, codes=(code, code))

    def _finish(
        self, rule: str, reason: str, *, codes: tuple[int | None, int | None] = (None, None), abort: bool = False
    ) -> None:
        """Ends both connections, once, and writes it down."""
        if self._over:
            return
        self._over = True
        self._gateway.guests.discard(self)
        for end, direction, code in ((self._agent, Direction.IN, codes[0]), (self._origin, Direction.OUT, codes[1])):
            if abort:
                end.transport.abort()
            else:  # after a close frame no other may follow (RFC 6455 5.5.1)
                end.close(code if self._passages[direction].closed is None else None)
        self._entry.rule, self._entry.reason, self._entry.facts = rule, reason, ""
        self._gateway.trail.close(self._entry)

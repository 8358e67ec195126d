"""Connections to origins: one exchange at a time on each, kept for the next one of the same route."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, cast
from weakref import WeakValueDictionary

from attrs import define, field

from bottle.domain.egress import Route
from bottle.domain.hosts import Authority
from sidecars.egress import limits
from sidecars.egress.reader import Event, ResponseReader


class Listener(Protocol):
    """Who waits for a response: an exchange."""

    def answered(self, events: list[Event]) -> None:
        """Pieces of the response, in order."""

    def lost(self) -> None:
        """The connection is gone and `answered` has had all there was."""

    def choke(self) -> None:
        """The origin takes no more for now."""

    def unchoke(self) -> None:
        """The origin takes more again."""


class Link(asyncio.Protocol):
    """One connection to an origin."""

    def __init__(self) -> None:
        self._reader = ResponseReader()
        self._listener: Listener | None = None
        self._forget: Callable[[Link], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self.is_reused = False
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self._reader.is_spent

    def begin(self, listener: Listener, method: str, *, switch: bool = False) -> None:
        """The next response is for this listener; `switch` says that a 101 may be it."""
        self._listener, self._forget = listener, None
        self._reader.expect(method, switch=switch)

    def hand_on(self) -> tuple[asyncio.Transport | None, bytes]:
        """After a 101: the connection, which is somebody else's from now on, and what came behind the response."""
        transport, self._transport = self._transport, None
        self._listener = self._forget = None
        return transport, self._reader.rest

    def write(self, data: bytes) -> None:
        """Sends bytes; once closed they go nowhere, and the listener hears of the loss."""
        if self._transport is not None:
            self._transport.write(data)

    def rest(self, forget: Callable[["Link"], None]) -> None:
        """Nobody listens now; `forget` is called when the connection can no longer be used."""
        self._listener, self._forget = None, forget
        if self._is_paused:
            self.resume()  # the end of the connection has to be seen
        self.is_reused = True
        self.idle_since = time.monotonic()

    def pause(self) -> None:
        if self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        self._listener = None
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection without a word more: what was announced is not delivered."""
        self._listener = None
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=limits.WRITE_HIGH)

    def data_received(self, data: bytes) -> None:
        events = self._reader.feed(data)
        if self._listener is None:  # nobody asked: it is never taken for the answer to the next request
            self._drop()
        elif events:
            self._listener.answered(events)

    def eof_received(self) -> None:
        self._finish()

    def connection_lost(self, _error: Exception | None) -> None:
        self._finish()
        self._transport = None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost()
        self._drop()

    def pause_writing(self) -> None:
        if self._listener is not None:
            self._listener.choke()

    def resume_writing(self) -> None:
        if self._listener is not None:
            self._listener.unchoke()

    def _finish(self) -> None:
        """A response that broke off is answered so; of one that never began the listener hears through `lost` alone."""
        has_begun = self._reader.has_begun
        events = self._reader.finish()
        if has_begun and events and self._listener is not None:
            self._listener.answered(events)

    def _drop(self) -> None:
        forget, self._forget = self._forget, None
        if forget is not None:
            forget(self)
        if self._transport is not None:
            self._transport.close()


@define(eq=False)
class Bucket:
    """Idle connections of one route to one host and port: one that carried a route's credential serves no other."""

    _pool: "Pool"
    _links: list[Link] = field(factory=list)

    def take(self) -> Link | None:
        """An open connection, the one used last; None where there is none."""
        while self._links:
            link = self._links.pop()
            self._pool.idle -= 1
            if link.is_open:
                return link
            link.close()
        return None

    def give(self, link: Link) -> None:
        """Keeps the connection for later, or closes it."""
        if self._pool.is_closed or not link.is_open or self._pool.idle >= limits.POOLED:
            link.close()
            return
        self._links.append(link)
        self._pool.idle += 1
        link.rest(self._forget)

    def close(self, before: float = float("inf")) -> None:
        """Closes what has been idle since `before`."""
        for link in [link for link in self._links if link.idle_since < before]:
            self._forget(link)
            link.close()

    def _forget(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)
            self._pool.idle -= 1


@define(eq=False)
class Pool:
    """The buckets of one Rules object, whose rules judged the addresses of all connections in them.

    A bucket lives as long as a ticket, an exchange or an idle connection knows it: with a wildcard route the agent
    chooses how many there are.
    """

    idle: int = 0
    is_closed: bool = False
    _buckets: WeakValueDictionary[tuple[int, Authority], Bucket] = field(factory=WeakValueDictionary)

    def bucket(self, route: Route, authority: Authority) -> Bucket:
        """The bucket for what this route of these rules sends to the host and port."""
        key = (id(route), authority)
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket(self)
        return found

    def sweep(self, now: float) -> None:
        """Closes what has been idle for long."""
        for bucket in list(self._buckets.values()):
            bucket.close(now - limits.POOL_IDLE_SECONDS)

    def close(self) -> None:
        """Closes what is idle now and what comes back later."""
        self.is_closed = True
        for bucket in list(self._buckets.values()):
            bucket.close()

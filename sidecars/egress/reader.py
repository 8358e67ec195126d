"""llhttp (through httptools) as a reader of events: bytes in, heads and body pieces out, no I/O.

llhttp does the framing in its strict mode; `wire` judges each head on top of it. llhttp knows no size limits, so bytes
that lead to no event are counted here: a head, a chunk's extension or a trailer that never ends is refused. A body of
known length needs no parser once it has begun: its pieces pass as they come, uncopied.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, TypeVar

import httptools

from sidecars.egress import limits
from sidecars.egress.refusal import Refusal, Refused, refused
from sidecars.egress.wire import Fields, RequestHead, ResponseHead, request_head, response_head


class Mark(Enum):
    END = "the message is complete"


END: Final = Mark.END
Event = RequestHead | ResponseHead | bytes | Mark | Refusal

P = TypeVar("P", httptools.HttpRequestParser, httptools.HttpResponseParser)


class _Reader(Generic[P]):
    """What both directions have in common: the parser, what it said, and the bytes that it said nothing about."""

    def __init__(self, make: Callable[[object], P]) -> None:
        self._make: Callable[[object], P] = make
        self._parser: P = make(self)
        self._events: list[Event] = []
        self._fields: Fields = []
        self._silent = 0  # bytes since the last event
        self._due = 0  # bytes of a body of known length that are still to come

    def _pass_body(self, data: bytes) -> bytes:
        """Takes what belongs to the body of known length; returns what is behind it, for a new parser."""
        body = data if len(data) <= self._due else data[: self._due]
        self._due -= len(body)
        self._events.append(body)
        if self._due:
            return b""
        self._parser = self._make(self)
        self.on_message_complete()
        return data[len(body) :]

    def on_message_complete(self) -> None:
        raise NotImplementedError


class RequestReader(_Reader[httptools.HttpRequestParser]):
    """Reads requests, one after another. A Refusal is the last event: nothing after it can be made sense of."""

    def __init__(self) -> None:
        super().__init__(httptools.HttpRequestParser)
        self._url = b""
        self._in_body = False
        self._fault: Refusal | None = None
        self._over = False
        self.rest = b""
        """What followed a request after which HTTP ends (CONNECT, Upgrade)."""

    @property
    def is_within_head(self) -> bool:
        """Whether a request has begun whose headers are not complete."""
        return self._silent > 0 and not self._in_body

    @property
    def has_switched(self) -> bool:
        """Whether what follows is no HTTP any more: llhttp saw a CONNECT or an Upgrade."""
        return self._over and self._fault is None

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes complete. After a Refusal, a CONNECT or an Upgrade everything is ignored."""
        if self._over:
            return []
        events: list[Event] = []
        self._events = events
        if self._due:
            data = self._pass_body(data)
        self._silent += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.rest, self._over = data[upgrade.args[0] :], True
        except httptools.HttpParserError:
            self._end(self._fault or Refusal(400, "http.malformed", "the bytes are no HTTP/1.1 request"))
        if self._silent > limits.HEADER_BLOCK and not self._over:
            self._end(Refusal(431, "http.size", f"more than {limits.HEADER_BLOCK} bytes of headers"))
        return events

    def _end(self, refusal: Refusal) -> None:
        self._over = True
        self._events.append(refusal)

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self._url, self._fields, self._in_body = b"", [], False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # a trailer is dropped: no two servers agree on what it may say (RFC 9110 6.5.1)
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        fed, self._in_body, self._silent = self._silent, True, 0
        try:
            _check_size(fed, self._fields)
            parser = self._parser
            head = request_head(parser.get_method(), self._url, parser.get_http_version(), self._fields)
        except Refused as fault:
            self._fault = fault.refusal
            raise
        self._due = 0 if head.upgrade else head.length or 0
        self._events.append(head)

    def on_body(self, body: bytes) -> None:
        self._silent = 0
        if self._due:
            self._due -= len(body)
        self._events.append(body)

    def on_message_complete(self) -> None:
        self._silent = 0
        self._in_body = False
        self._events.append(END)


class ResponseReader(_Reader[httptools.HttpResponseParser]):
    """Reads responses, one for each `expect`. Interim ones are dropped: the agent waits for none (RFC 9110 15.2)."""

    def __init__(self) -> None:
        super().__init__(httptools.HttpResponseParser)
        self._reason = b""
        self._method = ""
        self._head: ResponseHead | None = None
        self._done = True
        self._over = False
        self._may_switch = False
        self._interim = 0
        self.rest = b""
        """What followed a 101."""
        self.has_begun = False
        """Whether a byte came since `expect`."""
        self.is_spent = False
        """Whether no further response can be had: the origin said what nobody asked for, broke the rules, or left."""

    def expect(self, method: str, *, switch: bool = False) -> None:
        """A response to a request of this method comes next; a 101 is one only where `switch` says so."""
        self._may_switch, self._interim = switch, 0
        self._method, self._done, self._head, self.has_begun = method, False, None, False

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes complete; a Refusal is the last event and says what the origin did wrong."""
        if self._done or self._over:
            self.is_spent = True
            return []
        events: list[Event] = []
        self._events = events
        self.has_begun = True
        if self._due:
            data = self._pass_body(data)
            self.is_spent = self.is_spent or bool(data)
            return events
        self._silent += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switched(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._break("the response is no proper HTTP/1.1")
        if self._silent > limits.HEADER_BLOCK and not self._done:
            self._break("the response's headers are too long")
        if self._done and self._method == "HEAD":
            self._parser = httptools.HttpResponseParser(self)  # llhttp waits for the body that HEAD's answer announces
        return events

    def finish(self) -> list[Event]:
        """What the end of the connection completes."""
        events: list[Event] = []
        self._events = events
        if self._done or self._over:
            return events
        if self._head is not None and self._head.until_close:
            self._complete()
        else:
            self._break("the origin closed the connection before the response was complete")
        self.is_spent = True
        return events

    def _switched(self, rest: bytes) -> None:
        """llhttp saw a proper 101: `rest` is no HTTP any more."""
        if self._head is None or self._head.status != 101:
            self._break("the response is no proper HTTP/1.1")
        self.rest, self.is_spent, self._over, self._done = rest, True, True, True

    def _break(self, reason: str) -> None:
        self.is_spent = self._over = True
        if not self._done:
            self._done = True
            self._events.append(Refusal(502, "upstream.response", reason))

    def _complete(self) -> None:
        self._done = True
        self._events.append(END)

    def _note_interim(self) -> None:
        """Raises Refused for an origin that has much to say and answers nothing."""
        self._interim += 1
        if self._interim > limits.INTERIM_RESPONSES:
            raise refused(502, "upstream.response", "too many interim responses")

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self._reason, self._fields = b"", []
        if self._done:
            self.is_spent = True

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        fed, self._silent = self._silent, 0
        if self._done:
            return
        _check_size(fed, self._fields)
        parser = self._parser
        status = parser.get_status_code()
        if status == 101 and not self._may_switch:
            raise refused(502, "upstream.response", "not a response to what was asked")
        if 100 <= status < 200 and status != 101:
            self._note_interim()
            return
        self._head = head = response_head(status, self._reason, parser.get_http_version(), self._fields)
        head.bodyless = head.bodyless or self._method == "HEAD"
        self._due = 0 if head.bodyless else head.length or 0
        self._events.append(head)
        if self._method == "HEAD":
            self._complete()

    def on_body(self, body: bytes) -> None:
        self._silent = 0
        if self._done or self._head is None:
            self.is_spent = True  # nothing passes without a head that was read
            return
        if self._due:
            self._due -= len(body)
        self._events.append(body)

    def on_message_complete(self) -> None:
        self._silent = 0
        if self._head is not None and not self._done:
            self._complete()


def _check_size(fed: int, fields: Fields) -> None:
    """Raises Refused for a header block that is too long. `fed` bytes held it: it is added up where they were many."""
    if fed > limits.HEADER_BLOCK and sum(len(name) + len(value) + 4 for name, value in fields) > limits.HEADER_BLOCK:
        raise refused(431, "http.size", f"more than {limits.HEADER_BLOCK} bytes of headers")

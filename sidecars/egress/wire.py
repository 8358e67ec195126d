"""HTTP/1.1 heads: what is taken from the agent and from origins.

No byte of a peer's framing is passed on. Reading refuses whatever two servers could read differently (RFC 9112 6.1,
6.3, 11.2); `writing` takes only what reading let through.
"""

import re
from typing import Final

from attrs import define, field

from sidecars.egress import headers, limits
from sidecars.egress.headers import header_name
from sidecars.egress.refusal import refused

Fields = list[tuple[bytes, bytes]]
Handshake = dict[bytes, bytes]
"""The Sec-WebSocket headers by their names in lower case; where one stands twice its values are joined."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,31}\Z")
_USUAL_METHODS: Final = {name.encode(): name for name in ("GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS")}
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_REASON = re.compile(rb"[\t\x20-\x7e]{0,128}\Z")

# TRACE sends back what it was sent, credentials too (RFC 9110 9.3.8); PRI belongs to HTTP/2's preface alone, and the
# others to RTSP, whose requests llhttp reads as well.
_REFUSED_METHODS: Final = frozenset(
    (b"TRACE", b"TRACK", b"PRI", b"ANNOUNCE", b"DESCRIBE", b"FLUSH", b"GET_PARAMETER", b"PAUSE", b"PLAY", b"RECORD",
     b"REDIRECT", b"SETUP", b"SET_PARAMETER", b"TEARDOWN")
)  # fmt: skip
_AT_MOST_ONCE: Final = frozenset({headers.SINGLE, headers.HOST, headers.LENGTH, headers.CODING})
_NEVER_TWICE: Final = (headers.LENGTH, headers.WEBSOCKET)  # seldom the same again: not worth remembering


@define(eq=False)
class RequestHead:
    """A request's line and headers, read. `lines` are what may be passed on, as it is written; framing stands apart.

    `upgrade` is what Upgrade names, in lower case, where Connection names Upgrade (RFC 9110 7.8).
    """

    method: str
    target: str
    version: str
    lines: list[bytes]
    host: str | None
    length: int | None
    chunked: bool
    expects_continue: bool
    upgrade: bytes
    close: bool
    websocket: Handshake
    negotiated: list[bytes]
    """Those of the lines that ask for a response in which nothing could be looked for: packed, or in parts."""
    fields: Fields = field(factory=list, repr=False)
    """All headers as they came."""
    packing: str = ""
    """Content-Encoding, in lower case."""
    place: str = ""
    """The header, in lower case, that names another place than the target."""


@define(eq=False)
class ResponseHead:
    """A response's line and headers, read. `bodyless` is what the status alone says (RFC 9112 6.3)."""

    status: int
    reason: bytes
    lines: list[bytes]
    length: int | None
    chunked: bool
    close: bool
    bodyless: bool
    upgrade: bytes = b""
    websocket: Handshake = field(factory=dict)
    packing: bytes = b""
    """Content-Encoding, in lower case."""

    @property
    def until_close(self) -> bool:
        return not (self.bodyless or self.chunked or self.length is not None)


class _Seen:
    """What is gathered while the headers are walked through."""

    host: bytes | None = None
    length: int | None = None
    chunked: bool = False
    expects: bytes | None = None
    method: bytes | None = None
    upgrade: bytes = b""
    place: bytes = b""
    connection: frozenset[bytes] = frozenset()

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.websocket: Handshake = {}
        self.negotiated: list[bytes] = []
        self.packings: list[bytes] = []
        self.met: list[bytes] = []


_Header = tuple[int, bytes, bytes, bytes]
"""A header's kind, its line as it is written on, its name in lower case, its value."""

_REMEMBERED: dict[tuple[bytes, bytes], _Header] = {}
"""Headers that were read before: peers repeat most of theirs with each message."""


def request_head(method: bytes, target: bytes, version: str, raw: Fields) -> RequestHead:
    """The head of a request; raises Refused with what is wrong with it."""
    if version not in ("1.1", "1.0"):
        raise refused(400, "http.version", "HTTP/1.1 and HTTP/1.0 are spoken here")
    name = _USUAL_METHODS.get(method) or _method(method)
    if len(target) > limits.REQUEST_LINE:
        raise refused(431, "http.size", f"the request target is longer than {limits.REQUEST_LINE} bytes")
    seen = _walk(raw, limits.REQUEST_HEADERS)
    if seen.chunked and version == "1.0":
        raise _malformed("an HTTP/1.0 request has a Transfer-Encoding")
    if seen.method not in (None, method):
        raise refused(400, "http.method", "a header names another method than the request line, which was judged")
    if seen.expects is not None and seen.expects.lower() != b"100-continue":
        raise refused(417, "http.expect", "the only expectation understood is 100-continue")
    return RequestHead(
        method=name,
        target=target.decode("latin-1"),
        version=version,
        lines=seen.lines,
        host=None if seen.host is None else seen.host.decode("latin-1"),
        length=seen.length,
        chunked=seen.chunked,
        expects_continue=seen.expects is not None and version == "1.1",
        upgrade=seen.upgrade if b"upgrade" in seen.connection else b"",
        close=version == "1.0" or b"close" in seen.connection,
        websocket=seen.websocket,
        negotiated=seen.negotiated,
        fields=raw,
        packing=b",".join(seen.packings).decode("latin-1"),
        place=seen.place.decode("ascii"),
    )


def response_head(status: int, reason: bytes, version: str, raw: Fields) -> ResponseHead:
    """The head of a response; raises Refused (of status 400: the caller says whose fault it was)."""
    if version not in ("1.1", "1.0") or not 100 <= status <= 599:
        raise _malformed("the status line is none of HTTP/1.1")
    seen = _walk(raw, limits.RESPONSE_HEADERS)
    if seen.chunked and version == "1.0":
        raise _malformed("an HTTP/1.0 response has a Transfer-Encoding")
    return ResponseHead(
        status=status,
        reason=reason if _REASON.match(reason) else b"",
        lines=seen.lines,
        length=seen.length,
        chunked=seen.chunked,
        close=version == "1.0" or b"close" in seen.connection,
        bodyless=status < 200 or status in (204, 304),
        upgrade=seen.upgrade if b"upgrade" in seen.connection else b"",
        websocket=seen.websocket,
        packing=b",".join(seen.packings),
    )


def _walk(raw: Fields, most: int) -> _Seen:
    """Sorts the headers by what they mean; raises Refused."""
    if len(raw) > most:
        raise refused(431, "http.size", f"there are more than {most} headers")
    seen = _Seen()
    passed, remembered = seen.lines, _REMEMBERED
    for one in raw:
        header = remembered.get(one) or _read(one)
        if header[0] == headers.PASS:
            passed.append(header[1])
        elif header[0] != headers.DROP:
            _note(seen, header)
    if seen.connection:
        _drop_named(seen)
    if seen.chunked and seen.length is not None:
        raise _malformed("both Content-Length and Transfer-Encoding frame the body")
    return seen


def _read(field: tuple[bytes, bytes]) -> _Header:
    """What one header means, remembered where it may well come again; raises Refused."""
    name, value = header_name(field[0]), field[1].strip(b" \t")
    if name is None:
        raise _malformed("a header has no proper name")
    if _CONTROL.search(value) is not None:
        raise _malformed("a header holds a control character")
    header = (name.kind, b"%b: %b\r\n" % (name.written, value), name.lower, value)
    if len(field[1]) <= limits.REMEMBERED_VALUE and name.kind not in _NEVER_TWICE:
        if len(_REMEMBERED) >= limits.REMEMBERED_HEADERS:
            _REMEMBERED.clear()
        _REMEMBERED[field] = header
    return header


def _note(seen: _Seen, header: _Header) -> None:
    """Takes one header of those that are looked at; the most usual ones come first."""
    kind, line, lower, value = header
    if kind in _AT_MOST_ONCE:
        if lower in seen.met:
            raise _twice(lower)
        seen.met.append(lower)
    match kind:
        case headers.SINGLE:
            seen.lines.append(line)
        case headers.HOST:
            seen.host = value
        case headers.LENGTH:
            seen.length = _content_length(value)
        case headers.NEGOTIATED:
            if lower == b"range":
                _once(seen, lower)
            seen.lines.append(line)
            seen.negotiated.append(line)
        case headers.CONNECTION:
            seen.connection |= {token.strip(b" \t").lower() for token in value.split(b",")}
        case headers.CODING:
            seen.chunked = _is_chunked(value)
        case headers.PACKING:
            seen.lines.append(line)
            seen.packings.append(value.lower())
        case _:
            _note_rare(seen, header)


def _note_rare(seen: _Seen, header: _Header) -> None:
    kind, line, lower, value = header
    match kind:
        case headers.EXPECT:
            _once(seen, lower)
            seen.expects = value
        case headers.METHOD:
            _once(seen, b"the method, in other words")
            seen.method = value
            seen.lines.append(line)
        case headers.PLACE:
            seen.place = lower
            seen.lines.append(line)
        case headers.WEBSOCKET:
            before = seen.websocket.get(lower)
            seen.websocket[lower] = value if before is None else b"%b, %b" % (before, value)
        case _:
            _once(seen, lower)
            seen.upgrade = value.lower()


def _once(seen: _Seen, name: bytes) -> None:
    """Raises Refused for the second of what has no agreed meaning twice."""
    if name in seen.met:
        raise _twice(name)
    seen.met.append(name)


def _twice(name: bytes) -> Exception:
    return _malformed(f"{name.decode('ascii')} is there more than once")


def _drop_named(seen: _Seen) -> None:
    """Removes what Connection names as hop-by-hop (RFC 9110 7.6.1). What we add later is out of its reach."""
    seen.lines = [line for line in seen.lines if _name(line).lower() not in seen.connection]


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0]


def _method(method: bytes) -> str:
    if _METHOD.match(method) is None or method in _REFUSED_METHODS:
        raise refused(400, "http.method", "the method is not passed on")
    return method.decode("ascii")


def _content_length(value: bytes) -> int:
    if _LENGTH.match(value) is None:
        raise _malformed("Content-Length is no plain number")
    return int(value)


def _is_chunked(value: bytes) -> bool:
    if value.lower() != b"chunked":
        raise _malformed("a Transfer-Encoding other than chunked")
    return True


def _malformed(reason: str) -> Exception:
    return refused(400, "http.malformed", reason)

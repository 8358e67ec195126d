"""HTTP/1.1 heads: what is taken from the agent and from origins, and the one form in which heads are written anew.

No byte of a peer's framing is passed on. Reading refuses whatever two servers could read differently (RFC 9112 6.1,
6.3, 11.2); writing takes only what reading let through.
"""

import re
from collections.abc import Iterable
from typing import Final

from attrs import define

from sidecars.egress import headers, limits
from sidecars.egress.headers import header_name
from sidecars.egress.refusal import refused

Fields = list[tuple[bytes, bytes]]

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,31}\Z")
_USUAL_METHODS: Final = {name.encode(): name for name in ("GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS")}
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_REASON = re.compile(rb"[\t\x20-\x7e]{0,128}\Z")

# TRACE sends back what it was sent, credentials too (RFC 9110 9.3.8); PRI belongs to HTTP/2's preface alone.
_REFUSED_METHODS: Final = frozenset({b"TRACE", b"TRACK", b"PRI"})
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
LAST_CHUNK: Final = b"0\r\n\r\n"


@define(eq=False)
class RequestHead:
    """A request's line and headers, read. `fields` are what may be passed on; what frames the message stands apart."""

    method: str
    target: str
    version: str
    fields: Fields
    host: str | None
    length: int | None
    chunked: bool
    expects_continue: bool
    upgrade: bool
    close: bool


@define(eq=False)
class ResponseHead:
    """A response's line and headers, read. `bodyless` is what the status alone says (RFC 9112 6.3)."""

    status: int
    reason: bytes
    fields: Fields
    length: int | None
    chunked: bool
    close: bool
    bodyless: bool

    @property
    def until_close(self) -> bool:
        return not (self.bodyless or self.chunked or self.length is not None)


@define(eq=False)
class _Framing:
    """What is gathered while the headers are walked through."""

    fields: Fields
    host: bytes | None = None
    length: int | None = None
    chunked: bool = False
    expects: bytes | None = None
    upgrade: bool = False
    connection: frozenset[bytes] = frozenset()


def request_head(method: bytes, target: bytes, version: str, raw: Fields) -> RequestHead:
    """The head of a request; raises Refused with what is wrong with it."""
    if version not in ("1.1", "1.0"):
        raise refused(505, "http.version", "HTTP/1.1 and HTTP/1.0 are spoken here")
    name = _USUAL_METHODS.get(method) or _method(method)
    if len(target) > limits.REQUEST_LINE:
        raise refused(431, "http.size", f"the request target is longer than {limits.REQUEST_LINE} bytes")
    seen = _walk(raw, limits.REQUEST_HEADERS)
    if seen.chunked and version == "1.0":
        raise _malformed("an HTTP/1.0 request has a Transfer-Encoding")
    if seen.expects is not None and seen.expects.lower() != b"100-continue":
        raise refused(417, "http.expect", "the only expectation understood is 100-continue")
    return RequestHead(
        method=name,
        target=target.decode("latin-1"),
        version=version,
        fields=seen.fields,
        host=None if seen.host is None else seen.host.decode("latin-1"),
        length=seen.length,
        chunked=seen.chunked,
        expects_continue=seen.expects is not None and version == "1.1",
        upgrade=seen.upgrade and b"upgrade" in seen.connection,
        close=version == "1.0" or b"close" in seen.connection,
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
        fields=seen.fields,
        length=seen.length,
        chunked=seen.chunked,
        close=version == "1.0" or b"close" in seen.connection,
        bodyless=status < 200 or status in (204, 304),
    )


def write_request(
    head: RequestHead, target: str, host: bytes, injected: tuple[bytes, bytes] | None, replaced: bytes | None = None
) -> bytes:
    """The head as it goes upstream: judged target, judged host, the route's credential, and framing of our own.

    `replaced` is a header of the agent, in lower case and with hyphens, that gives way to the injected one.
    """
    parts = [b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (head.method.encode("ascii"), target.encode("ascii"), host)]
    if replaced is None:
        parts += [b"%b: %b\r\n" % field for field in head.fields]
    else:
        parts += [b"%b: %b\r\n" % field for field in head.fields if _folded(field[0]) != replaced]
    if injected is not None:
        parts.append(b"%b: %b\r\n" % injected)
    parts.append(_framing(head.length, head.chunked, always=head.method in _BODY_EXPECTED))
    return b"".join(parts)


def write_response(head: ResponseHead, *, chunked: bool, close: bool) -> bytes:
    """The head as the agent gets it. `chunked` says how the body is framed towards the agent."""
    parts = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    parts += [b"%b: %b\r\n" % field for field in head.fields]
    if close:
        parts.append(b"Connection: close\r\n")
    no_length = head.status == 204 or head.chunked  # RFC 9110 8.6
    parts.append(_framing(None if no_length else head.length, chunked, always=False))
    return b"".join(parts)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; `data` is not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _framing(length: int | None, chunked: bool, *, always: bool) -> bytes:
    if chunked:
        return b"Transfer-Encoding: chunked\r\n\r\n"
    if length is None and not always:
        return b"\r\n"
    return b"Content-Length: %d\r\n\r\n" % (length or 0)


def _walk(raw: Fields, most: int) -> _Framing:
    """Sorts the headers by what they mean; raises Refused."""
    if len(raw) > most:
        raise refused(431, "http.size", f"there are more than {most} headers")
    if _CONTROL.search(b"".join([value for _, value in raw])) is not None:
        raise _malformed("a header holds a control character")
    fields: Fields = []
    seen = _Framing(fields)
    met: set[int | bytes] = set()
    known = headers.KNOWN
    for raw_name, value in raw:
        name = known.get(raw_name) or header_name(raw_name)
        if name is None:
            raise _malformed("a header has no proper name")
        written, _, kind = name
        if kind == headers.PASS:
            fields.append((written, value.strip(b" \t")))
        elif kind != headers.DROP:
            _note(seen, name, value.strip(b" \t"), met)
    if met and len(seen.connection) > 0:
        _drop_named(seen)
    if seen.chunked and seen.length is not None:
        raise _malformed("both Content-Length and Transfer-Encoding frame the body")
    return seen


def _note(seen: _Framing, name: headers.HeaderName, value: bytes, met: set[int | bytes]) -> None:
    """Takes one header of those that are looked at."""
    if name.kind == headers.CONNECTION:
        seen.connection |= {token.strip(b" \t").lower() for token in value.split(b",")}
        met.add(headers.CONNECTION)
        return
    mark: int | bytes = name.lower if name.kind == headers.SINGLE else name.kind
    if mark in met:
        raise _malformed(f"{name.lower.decode('ascii')} is there more than once")
    met.add(mark)
    match name.kind:
        case headers.HOST:
            seen.host = value
        case headers.LENGTH:
            seen.length = _content_length(value)
        case headers.CODING:
            seen.chunked = _is_chunked(value)
        case headers.EXPECT:
            seen.expects = value
        case headers.UPGRADE:
            seen.upgrade = True
        case _:
            seen.fields.append((name.written, value))


def _drop_named(seen: _Framing) -> None:
    """Removes what Connection names as hop-by-hop (RFC 9110 7.6.1). What we add later is out of its reach."""
    seen.fields = [field for field in seen.fields if field[0].lower() not in seen.connection]


def _method(method: bytes) -> str:
    if _METHOD.match(method) is None or method in _REFUSED_METHODS:
        raise refused(501, "http.method", "the method is not passed on")
    return method.decode("ascii")


def _folded(name: bytes) -> bytes:
    return name.lower().replace(b"_", b"-")


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


def joined(pieces: Iterable[bytes]) -> list[bytes]:
    """The same bytes with small neighbours joined: a piece of its own costs a TLS record and a system call."""
    pieces = list(pieces)
    if sum(map(len, pieces)) <= limits.JOINED_WRITE:
        return [b"".join(pieces)] if pieces else []
    together: list[bytes] = []
    small: list[bytes] = []
    for piece in pieces:
        if len(piece) <= limits.JOINED_WRITE:
            small.append(piece)
            continue
        if small:
            together.append(b"".join(small))
            small = []
        together.append(piece)
    if small:
        together.append(b"".join(small))
    return together

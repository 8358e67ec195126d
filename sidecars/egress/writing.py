"""The one form in which heads and chunks are written anew, in both directions."""

from typing import Final

from bottle.domain.headers import MARKS
from bottle.domain.secret_forms import SecretForms
from sidecars.egress.wire import RequestHead, ResponseHead

LAST_CHUNK: Final = b"0\r\n\r\n"
_CLOSE: Final = b"Connection: close\r\n"
_PLAINLY: Final = b"Accept-Encoding: identity\r\n"
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_BODY_OVERLOOKED: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_MARKS: Final = bytes.maketrans(MARKS.encode(), b"-" * len(MARKS))


def request_start(method: str, target: str, host: bytes) -> bytes:
    """The first two lines of a request: what was judged, and nothing that the agent framed."""
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method.encode("ascii"), target.encode("ascii"), host)


def stands_alone(head: RequestHead) -> bool:
    """Whether nothing may follow the request on its connection: a server that expects no body with the method (RFC 9110
    9.3.1) and overlooks it would read it as the next request, which nobody judged."""
    return head.method in _BODY_OVERLOOKED and (head.chunked or bool(head.length))


def header_line(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (name, value)


def write_request(
    head: RequestHead, start: bytes, injected: bytes, replaced: bytes | None = None, *, plainly: bool = False
) -> bytes:
    """The head as it goes upstream: `start`, the agent's lines, the route's credential, and framing of our own.

    `replaced` is a header of the agent, in lower case and with hyphens, that gives way to the injected one. `plainly`:
    the response has to come unpacked and whole.
    """
    lines = head.lines
    if plainly:
        injected += _PLAINLY
        if head.negotiated:
            lines = [line for line in lines if line not in head.negotiated]
    if replaced is not None:
        lines = [line for line in lines if _folded(line) != replaced]
    if stands_alone(head):
        injected += _CLOSE
    framing = _framing(head.length, head.chunked, always=head.method in _BODY_EXPECTED)
    return b"".join([start, *lines, injected, framing])


def write_response(head: ResponseHead, *, chunked: bool, close: bool) -> bytes:
    """The head as the agent gets it. `chunked` says how the body is framed towards the agent."""
    start = b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)
    no_length = head.status == 204 or head.chunked  # RFC 9110 8.6
    framing = _framing(None if no_length else head.length, chunked, always=False)
    return b"".join([start, *head.lines, _CLOSE if close else b"", framing])


def mask_head(head: ResponseHead, forms: SecretForms) -> None:
    """Takes the forms of a secret out of all that the origin says in the head; a line with one in its name goes."""
    head.reason = forms.masked(head.reason)
    named = [line.partition(b": ") for line in head.lines]
    head.lines = [name + mark + forms.masked(value) for name, mark, value in named if not forms.spans(name)]


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; `data` is not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _framing(length: int | None, chunked: bool, *, always: bool) -> bytes:
    if chunked:
        return b"Transfer-Encoding: chunked\r\n\r\n"
    if length is None and not always:
        return b"\r\n"
    return b"Content-Length: %d\r\n\r\n" % (length or 0)


def _folded(line: bytes) -> bytes:
    """A line's header name as servers may see it."""
    return line.partition(b":")[0].lower().translate(_MARKS)

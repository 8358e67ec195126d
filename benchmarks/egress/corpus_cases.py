"""The cases of smuggling/, http-parsing/ and benign/ as bytes to send, and what is to become of them."""

import base64
import re
from collections.abc import Iterable
from typing import Any

import h11
from attrs import frozen

from benchmarks.egress.corpus_client import Reply
from bottle.domain.hosts import HostPattern, InvalidHostError
from tests.support.http_readers import by_h11_first

Case = dict[str, Any]
ORIGIN = "origin.allowed.test"
_HOST = re.compile(rb"^Host: *([a-z.0-9-]+)(?::\d+)?\r$", re.MULTILINE | re.IGNORECASE)
_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: %b\r\nX: " % ORIGIN.encode()


@frozen
class Raw:
    """Bytes for one tunnel to `host`; `path` stands in nobody else's."""

    kind: str
    name: str
    host: str
    data: bytes
    path: bytes = b""


def gadgets(cases: Iterable[Case]) -> list[Raw]:
    """Each gadget in the places in which it matters: alone, beside a length, beside a proper coding, each way round."""
    return [raw for case in cases for raw in _around(case["id"], case["gadget_latin1"].encode("latin-1"))]


def _around(name: str, gadget: bytes) -> Iterable[Raw]:
    ends = b"0\r\n\r\n" + _HIDDEN
    length, whole = b"Content-Length: %d" % len(ends), b"5\r\nhello\r\n0\r\n\r\n"
    proper = b"Transfer-Encoding: chunked"
    shapes = {
        "alone": ([gadget], whole),
        "length behind": ([gadget, length], ends),
        "length before": ([length, gadget], ends),
        "short length": ([b"Content-Length: 4", gadget], b"1a\r\n" + _HIDDEN[:26] + b"\r\n0\r\n\r\n"),
        "proper before": ([proper, gadget], whole),
        "proper behind": ([gadget, proper], whole),
    }
    for kind, (lines, body) in shapes.items():
        path = b"/%b/%b?" % (name.encode(), kind.replace(" ", "-").encode())
        head = b"\r\n".join([b"POST %b HTTP/1.1" % path, b"Host: " + ORIGIN.encode(), *lines])
        yield Raw(kind, name, ORIGIN, head + b"\r\n\r\n" + body, path)


def raw_requests(cases: Iterable[Case]) -> list[Raw]:
    """Requests as they stand, to the host that they name, or with one of ours where they name none."""
    return [raw for case in cases for raw in _raw(case)]


def _raw(case: Case) -> Iterable[Raw]:
    data = base64.b64decode(case["raw_b64"])
    kind = f"their verdict {case.get('expect') or case.get('strict_expect')}"
    named = _HOST.search(data)
    yield Raw(kind, case["id"], _listed(named[1].decode().lower() if named else ORIGIN), data)
    if "raw_with_host_b64" in case:
        yield Raw(f"{kind}, with Host", case["id"], ORIGIN, base64.b64decode(case["raw_with_host_b64"]))


def _listed(host: str) -> str:
    try:
        return HostPattern.parse(host).text
    except InvalidHostError:
        return ORIGIN


def size(body: str) -> int:
    return len(base64.b64decode(body))


def written(case: Case) -> bytes:
    """The request of a client that knows HTTP."""
    body = base64.b64decode(case["body_b64"] or "")
    headers = [("Host", case["host"]), *case["headers"]]
    headers += [("Content-Length", str(len(body)))] if body or case["method"] == "POST" else []
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{case['method']} {case['path']} HTTP/1.1\r\n{lines}\r\n".encode() + body


def answer(request: bytes) -> bytes:
    """The origin's: the body that it got, as it got it. `Connection: close`, so that each case stands alone."""
    body = by_h11_first(request)
    said = body if isinstance(body, bytes) else b""
    line = re.search(rb" /(30[27])\?to=(\S+) ", request)
    if line:
        return b"HTTP/1.1 %b Found\r\nLocation: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % line.groups()
    head = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\nETag: W/"x"\r\nX-Raw: \xc3\xa9 \xff\r\n\r\n'
    return head % len(said) + said


def changed(case: Case, seen: list[bytes], reply: Reply) -> str:
    """What is not as it was sent; nothing where all is."""
    if len(seen) != 1:
        return f"{len(seen)} connections to the origin; the answer was {reply.said[:300]!r}"
    request, body = _read(seen[0])
    sent_request, sent_body = _read(written(case))
    if (request.method, request.target) != (sent_request.method, sent_request.target) or body != sent_body:
        return f"{request.method!r} {request.target!r} arrived"
    if sorted(request.headers) != sorted(sent_request.headers):
        return f"headers {set(request.headers) ^ set(sent_request.headers)}"
    head, _, said = reply.said.partition(b"\r\n\r\n")
    if said != body or b" 200 OK\r\n" not in head or b"X-Raw: \xc3\xa9 \xff" not in head:
        return f"the answer was {head!r}, {len(said)} bytes for {len(body)}"
    return ""


def _read(data: bytes) -> tuple[h11.Request, bytes]:
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    reader.receive_data(data)
    request = reader.next_event()
    body = by_h11_first(data)
    assert isinstance(request, h11.Request)
    assert isinstance(body, bytes)
    return request, body

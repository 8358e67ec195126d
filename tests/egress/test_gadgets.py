"""Framing bent at every place, with every byte: refused, or written so that five readers find one and the same request.

The classes are those of public lists of Transfer-Encoding gadgets; the cases are made here. What is sent on for a case
is what the real reader and writer make of it; `test_one_reading` sends samples of them through a running sidecar.
"""

import base64
import re
from collections.abc import Iterable, Iterator

import pytest

from sidecars.egress.reader import END, RequestReader
from sidecars.egress.refusal import Refusal
from sidecars.egress.wire import RequestHead
from sidecars.egress.writing import LAST_CHUNK, chunk, request_start, write_request
from tests.support.http_readers import READERS, read_all
from tests.support.requirements import require

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: h\r\nX: "
ENDS = b"0\r\n\r\n" + HIDDEN
WHOLE = b"5\r\nhello\r\n0\r\n\r\n"
CODING = (b"Transfer-Encoding", b"chunked")
LENGTH = (b"Content-Length", b"5")


def bent(name: bytes, value: bytes) -> Iterator[bytes]:
    """The header line with one byte, any byte, too many or exchanged, at each place where readers differ."""
    joined = name.replace(b"-", b"%b")
    for number in range(256):
        byte = bytes([number])
        yield byte + name + b": " + value
        yield joined % byte + b": " + value
        yield name + byte + b": " + value
        yield name + b":" + byte + value
        yield name + b": " + value[:4] + byte + value[4:]
        yield name + b": " + value + byte
        yield b"X: y" + byte + name + b": " + value
        yield name + b": " + value + b"\r" + byte + b"Y: z"
        yield name + b": " + value + b"\n" + byte + b"Y: z"


SPELLINGS = [
    b"Transfer-Encoding: CHUNKED", b"transfer-encoding:chunked", b"TRANSFER-ENCODING: chunked", b"Transfer-Encoding:",
    b"Transfer-Encoding: chunk", b"Transfer-Encoding: 'chunked'", b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: chunked;q=0", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: , chunked",
    b"Transfer-Encoding: identity", b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: chunked, cow",
    b"Transfer-Encoding:\r\n chunked", b"Transfer\r\n -Encoding: chunked", b"Content-Encoding: chunked",
    b"Content-Length: 00005", b"Content-Length: 5.0", b"Content-Length: 5e0", b"Content-Length: 5 5",
    b"Content-Length: ,5", b"Content-Length: 5,", b"Content-Length: \xd9\xa5", b"Content-Length: 0x5",
]  # fmt: skip


def shapes(line: bytes) -> Iterator[bytes]:
    """Requests with the line alone and beside proper framing, each way round, with a second request in the body."""
    length = b"Content-Length: %d" % len(ENDS)
    proper = b"Transfer-Encoding: chunked"
    for lines, body in (
        ([line], WHOLE),
        ([line, length], ENDS),
        ([length, line], ENDS),
        ([b"Content-Length: 4", line], b"1a\r\n" + HIDDEN[:26] + b"\r\n0\r\n\r\n"),
        ([proper, line], WHOLE),
        ([line, proper], WHOLE),
    ):
        yield b"\r\n".join([b"POST /a HTTP/1.1", b"Host: h", *lines]) + b"\r\n\r\n" + body


CHUNKS = [
    size + b"\r\nhello" + end + last
    for size in (b"5", b"05", b"5;x=y", b"5 ", b" 5", b"+5", b"0x5", b"5\t", b"5;x\ny", b"5\n", b"5\r", b"g", b"",
                 b"ffffffffffffffff5", b"5;x=\"\r\n0\r\n\r\n\"", b"5\x0b", b"-5", b"5.", b"5,5")
    for end in (b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n", b"xx")
    for last in (b"0\r\n\r\n", b"0\n\n", b"00\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0;x\r\n\r\n",
                 b"0\r\n" + HIDDEN + b"y\r\n\r\n")
]  # fmt: skip


def written(data: bytes) -> tuple[list[bytes], bool]:
    """What would be sent on of the bytes, one message a complete request, and whether they were refused in the end."""
    found: list[bytes] = []
    head, body = b"", b""
    chunked = False
    for event in RequestReader().feed(data):
        if isinstance(event, Refusal):
            return found, True
        if isinstance(event, RequestHead):
            chunked = event.chunked
            head, body = write_request(event, request_start(event.method, event.target, b"h"), b""), b""
        elif event is END:
            found.append(head + body + (LAST_CHUNK if chunked else b""))
        elif isinstance(event, bytes):
            body += chunk(event) if chunked else event
    return found, False


def sent_on(cases: Iterable[bytes]) -> tuple[list[bytes], int]:
    """All different messages that leave, and how many of the cases were refused."""
    messages: dict[bytes, None] = {}
    refused = 0
    for case in cases:
        found, was_refused = written(case)
        refused += was_refused
        messages |= dict.fromkeys(found)
    return list(messages), refused


GADGETS = [case for line in (*bent(*CODING), *bent(*LENGTH), *SPELLINGS) for case in shapes(line)]
BODIES = [b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body for body in CHUNKS]


@pytest.fixture(scope="module")
def leaving() -> list[bytes]:
    return sent_on([*GADGETS, *BODIES])[0]


def test_most_of_it_is_refused_and_what_is_proper_is_not(leaving: list[bytes]) -> None:
    _, refused = sent_on(GADGETS)
    assert refused > 0.8 * len(GADGETS)
    proper = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + WHOLE
    assert sent_on(shapes(b"Transfer-Encoding: CHUNKED")) == ([proper], 5)
    assert proper in leaving


def test_no_name_that_a_server_could_fold_into_framing_leaves(leaving: list[bytes]) -> None:
    """CGI and its like tell hyphens from no other mark: `Content.Length` may be a length to somebody."""
    heads = [message.partition(b"\r\n\r\n")[0] for message in leaving]
    names = {line.partition(b":")[0] for head in heads for line in head.split(b"\r\n")[2:]}
    framing = {b"Transfer-Encoding", b"Content-Length"}
    assert len(names) > 100
    assert not [name for name in names - framing if re.sub(rb"[^a-zA-Z0-9]", b"-", name).title() in framing]


@pytest.mark.parametrize("reader", [*READERS, "node"])
def test_every_reader_finds_the_one_request_that_was_judged(leaving: list[bytes], reader: str) -> None:
    if reader == "node":
        require("node")
    readings = read_all(reader, leaving)
    assert readings is not None, f"{reader} is not installed"
    for message, reading in zip(leaving, readings, strict=True):
        assert reading is not None, message
        ((method, target, body),) = reading
        assert (method, target) == ("POST", "/a"), message
        assert base64.b64decode(body) == _body(message), message


def _body(message: bytes) -> bytes:
    """The body as it is framed by ourselves, which is one of two ways."""
    head, _, rest = message.partition(b"\r\n\r\n")
    if b"\r\nContent-Length: " in head:
        return rest
    body = b""
    while not rest.startswith(b"0\r\n\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body

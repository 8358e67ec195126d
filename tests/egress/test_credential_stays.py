"""An origin that echoes what it was sent cannot give the injected credential away, in whatever form it does."""

import base64
import gzip
import html
import json
import re
import socket
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable

import pytest

from tests.egress.conftest import TOKEN, MakeOrigin, MakeSidecar
from tests.egress.harness import Received, Response, Sidecar, curl, ok, read_head, route, tunnel

HOST = "api.example.com"
INJECT = {"header": "authorization", "scheme": "Bearer", "slot": "T"}
VALUE = TOKEN.encode()

WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda sent: sent,
    "json": lambda sent: json.dumps({"headers": {"authorization": sent.decode()}}).encode(),
    "json-escaped": lambda sent: "".join(f"\\u{code:04x}" for code in sent).encode(),
    "json-slashes": lambda sent: sent.replace(b"/", b"\\/"),
    "base64-0": base64.b64encode,
    "base64-1": lambda sent: base64.b64encode(b"x" + sent + b"y"),
    "base64-2": lambda sent: base64.b64encode(b"xx" + sent + b"y"),
    "base64-url": lambda sent: base64.urlsafe_b64encode(sent + b"???"),
    "hex": lambda sent: sent.hex().encode(),
    "HEX": lambda sent: sent.hex().upper().encode(),
    "percent": lambda sent: urllib.parse.quote(sent, safe="").encode(),
    "percent-all": lambda sent: "".join(f"%{code:02X}" for code in sent).encode(),
    "html": lambda sent: html.escape(sent.decode()).encode(),
    "html-all": lambda sent: "".join(f"&#{code};" for code in sent).encode(),
    "html-hex": lambda sent: "".join(f"&#x{code:x};" for code in sent).encode(),
    "hex-pairs": lambda sent: sent.hex(":").encode(),
    "numbers": lambda sent: json.dumps(list(sent)).encode(),
    "base32": base64.b32encode,
    "reversed": lambda sent: sent[::-1],
    "upper": bytes.upper,
    "cut": lambda sent: sent[:-6],
}
FRAMED: dict[str, Callable[[bytes], bytes]] = {
    "length": ok,
    "error": lambda body: ok(body).replace(b"200 OK", b"500 Oh No"),
    "chunks": lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"1\r\n%c\r\n" % code for code in body) + b"0\r\nX-Trailer: " + VALUE + b"\r\n\r\n",
    "gzip": lambda body: ok(gzip.compress(body), "Content-Encoding: gzip"),
    "gzip-twice": lambda body: ok(gzip.compress(body[:20]) + gzip.compress(body[20:]), "content-encoding: X-GZIP"),
    "deflate": lambda body: ok(zlib.compress(body), "Content-Encoding: deflate"),
    "deflate-raw": lambda body: ok(zlib.compress(body)[2:-4], "Content-Encoding: deflate"),
    "location": lambda body: ok(b"", f"Location: https://a.example/?{body.strip().decode()}").replace(b"200", b"302"),
    "reason": lambda body: b"HTTP/1.1 200 " + body.strip()[:120] + b"\r\nContent-Length: 0\r\n\r\n",
    "header": lambda body: ok(b"", f"X-Echo: {body.strip().decode()}", f"Set-Cookie: a={body.strip().decode()}"),
    "challenge": lambda body: ok(b"", f'WWW-Authenticate: Basic realm="{body.strip().decode()}"', 'ETag: "x"'),
    "early": lambda body: b"HTTP/1.1 103 Early\r\nLink: " + body.strip() + b"\r\n\r\n" + ok(body),
}  # fmt: skip


def _echo(request: Received, _connection: socket.socket) -> bytes:
    written, framed = request.target[1:].split("/")
    return FRAMED[framed](b"you sent " + WRITTEN[written](request.header("authorization")[0].encode()) + b" to us\n")


def _readings(text: bytes) -> bytes:
    """The text and all that its encodings hold, joined."""
    found = [text, urllib.parse.unquote_to_bytes(text), html.unescape(text.decode("latin-1")).encode()]
    found += [text.replace(b"\\/", b"/"), text[::-1], text.replace(VALUE[:-6], VALUE)]
    found += [VALUE if VALUE.upper() in text else b"", text.replace(b":", b"")]
    found.append(bytes(int(number) % 256 for number in re.findall(rb"\d+(?=[,\]])", text)))
    found.append(re.sub(rb"\\u00(..)", lambda escape: bytes.fromhex(escape[1].decode()), text))
    for word in text.replace(b"%3D", b"=").replace(b"-", b"+").replace(b"_", b"/").split():
        for start in range(4):
            piece = word[start : start + (len(word) - start) // 4 * 4]
            try:
                found.append(base64.b64decode(piece))
            except ValueError:
                pass
        for decode in (lambda word: bytes.fromhex(word.replace(b":", b"").decode()), base64.b32decode):
            try:
                found.append(decode(word))
            except ValueError:
                pass
    return b"\n".join(found)


@pytest.mark.parametrize("framed", FRAMED)
def test_no_form_of_the_credential_comes_back(make_origin: MakeOrigin, make_sidecar: MakeSidecar, framed: str) -> None:
    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=_echo), inject=INJECT)], {"T": TOKEN})
    urls = [f"https://{HOST}/{written}/{framed}" for written in WRITTEN]
    done = curl(sidecar, "-i", *urls)
    assert done.returncode == 0, done.stderr
    assert framed == "reason" or done.stdout.count(b"***") >= len(WRITTEN)  # a long one is left out
    assert framed in ("location", "header", "reason", "challenge") or done.stdout.count(b" to us\n") == len(WRITTEN)
    for line in done.stdout.splitlines():
        assert VALUE[4:] not in _readings(line), line
        assert VALUE[:-4] not in _readings(line), line
    assert b"content-encoding" not in done.stdout.lower()


def test_the_helper_of_these_tests_reads_every_form() -> None:
    for name, write in WRITTEN.items():
        assert VALUE[4:-4] in _readings(b"you sent " + write(b"Bearer " + VALUE) + b" to us"), name


def test_a_basic_credential_is_looked_for_unpacked_as_well(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    packed = base64.b64encode(b"someone:hush-hush-password").decode()
    body = f"{packed} someone:hush-hush-password / hush-hush-password".encode()
    origin = make_origin(HOST, answer=lambda *_: ok(body))
    inject = {"header": "authorization", "scheme": "Basic", "slot": "T"}
    sidecar = make_sidecar([route(HOST, origin, inject=inject)], {"T": packed})
    assert b"hush" not in curl(sidecar, f"https://{HOST}/").stdout
    assert origin.received[0].header("authorization") == [f"Basic {packed}"]


def test_a_credential_of_two_routes_is_looked_for_as_each_of_them_sends_it(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    other = "other.example.com"
    packed = base64.b64encode(b"someone:hush-hush-password").decode()
    origin = make_origin(HOST, other, answer=lambda *_: ok(f"{packed} hush-hush-password".encode()))
    basic = {"header": "authorization", "scheme": "Basic", "slot": "T"}
    sidecar = make_sidecar([route(HOST, origin, inject=basic), route(other, origin, inject=INJECT)], {"T": packed})
    for host in (HOST, other):
        said = curl(sidecar, f"https://{host}/").stdout
        assert b"***" in said
        assert b"hush" not in said
        assert packed.encode() not in said


def test_neither_a_name_nor_another_path_of_the_host_shows_it(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    """A list of the last requests, say, under a path to which the credential was never sent."""
    named = f"sk-test-{'aB3' * 8}"
    origin = make_origin(HOST, answer=lambda *_: ok(f"GET /a {named}".encode(), f"{named}: 1", "X-Kept: 1"))
    limited = [route(HOST, origin, inject=INJECT, paths=["/a"]), route(HOST, origin, paths=["/log"])]
    sidecar = make_sidecar(limited, {"T": named})
    for path in ("/a", "/log"):
        said = curl(sidecar, "-i", f"https://{HOST}{path}").stdout
        assert b"GET /a ****" in said
        assert b"X-Kept: 1" in said
        assert named.lower() not in said.decode().lower()
    assert [request.header("authorization") for request in origin.received] == [[f"Bearer {named}"], []]


def test_a_route_with_a_credential_asks_for_the_whole_and_unpacked(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    origin = make_origin(HOST, "plain.example.com")
    sidecar = make_sidecar([route(HOST, origin, inject=INJECT), route("plain.example.com", origin)], {"T": TOKEN})
    asked = [
        "-H",
        "Accept-Encoding: gzip, br",
        "-H",
        "Range: bytes=0-9",
        "-H",
        "If-Range: x",
        "-H",
        "accept_encoding: gzip",
        "-H",
        "Accept-Charset: utf-16",
        "-H",
        "A-IM: vcdiff",
    ]
    for host in (HOST, "plain.example.com"):
        assert curl(sidecar, *asked, f"https://{host}/").stdout == b"hello"
    first, second = origin.received
    names = ("accept-encoding", "range", "if-range", "accept-charset", "a-im")
    assert [first.header(name) for name in names] == [["identity"], [], [], [], []]
    assert [second.header(name) for name in names] == [["gzip, br"], ["bytes=0-9"], ["x"], ["utf-16"], ["vcdiff"]]


REFUSED = [
    (ok(b"x", "Content-Encoding: br"), "upstream.encoding"),
    (ok(b"x", "Content-Encoding: zstd"), "upstream.encoding"),
    (ok(gzip.compress(gzip.compress(b"x")), "Content-Encoding: gzip, gzip"), "upstream.encoding"),
    (ok(gzip.compress(b"x"), "Content-Encoding: gzip", "Content-Encoding: gzip"), "upstream.encoding"),
    (ok(b"x", "Content-Range: bytes 0-0/9").replace(b"200 OK", b"206 Part"), "upstream.range"),
]


def test_what_cannot_be_looked_into_is_refused(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    answers = iter(REFUSED)
    sidecar = make_sidecar(
        [route(HOST, make_origin(HOST, answer=lambda *_: next(answers)[0]), inject=INJECT)], {"T": TOKEN}
    )
    for _, rule in REFUSED:
        done = curl(sidecar, "-w", "%{http_code}", f"https://{HOST}/")
        assert done.stdout.endswith(b"502")
        assert json.loads(done.stdout[:-3])["rule"] == rule


def test_what_is_not_packed_as_it_says_is_broken_off(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    broken = {
        "no gzip": ok(b"plain text", "Content-Encoding: gzip"),
        "cut short": ok(gzip.compress(b"hello" * 100)[:-9], "Content-Encoding: gzip"),
        "no deflate": ok(b"\xff" * 9, "Content-Encoding: deflate"),
        "one byte of deflate": ok(b"\x78", "Content-Encoding: deflate"),
        "a bomb": ok(gzip.compress(bytes(64 * 1024 * 1024)), "Content-Encoding: gzip"),
    }
    answers = iter(broken.values())
    sidecar = make_sidecar(
        [route(HOST, make_origin(HOST, answer=lambda *_: next(answers)), inject=INJECT)], {"T": TOKEN}
    )
    for name in broken:
        before = sidecar.rss()
        done = curl(sidecar, "-o", "/dev/null", "-w", "%{http_code}", f"https://{HOST}/")
        assert done.stdout == b"502" or done.returncode in (18, 56), name
        assert sidecar.rss() - before < 64 * 1024 * 1024
    assert {line["rule"] for line in sidecar.wait_for_trail(len(broken))} == {"upstream.encoding"}


PLAIN_ENDS = {
    "HEAD": (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n", "HEAD", b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: br\r\n\r\n", "GET", b""),
    "identity": (ok(b"x", "Content-Encoding: Identity"), "GET", b"x"),
    "empty": (ok(b"", "Content-Encoding: gzip"), "GET", b""),
    "something behind": (ok(gzip.compress(b"x" * 99) + b"\0\0", "Content-Encoding: gzip"), "GET", b"x" * 99),
}


def test_what_holds_nothing_packed_passes(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    answers = iter(PLAIN_ENDS.values())
    sidecar = make_sidecar(
        [route(HOST, make_origin(HOST, answer=lambda *_: next(answers)[0]), inject=INJECT)], {"T": TOKEN}
    )
    connection = tunnel(sidecar, f"{HOST}:443")
    for name, (_, method, body) in PLAIN_ENDS.items():
        connection.sendall(f"{method} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert Response(connection, method).body == body, name


def test_a_packed_stream_is_passed_on_as_it_comes(make_origin: MakeOrigin, make_sidecar: MakeSidecar) -> None:
    seen = threading.Event()

    def stream(_request: Received, connection: socket.socket) -> None:
        packer = zlib.compressobj(wbits=31)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n")
        for number in range(3):
            event = b"data: %d %b\n\n" % (number, VALUE)
            connection.sendall(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH))
            assert seen.wait(60)
        connection.sendall(packer.flush())

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=stream), inject=INJECT)], {"T": TOKEN})
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    read_head(connection)
    first = connection.recv(1000)
    assert first.endswith(b"data: 0 " + b"*" * len(VALUE) + b"\n\n\r\n")
    seen.set()
    rest = b""
    while not rest.endswith(b"0\r\n\r\n"):
        rest += connection.recv(1000)
    assert b"data: 2 ***" in rest


def _delays(sidecar: Sidecar, count: int) -> None:
    connection = tunnel(sidecar, f"{HOST}:443")
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    read_head(connection)
    for _ in range(count):
        data = b""
        while not data.endswith(b"\n\n\r\n"):
            data += connection.recv(100)


def test_an_event_that_ends_like_a_credential_waits_for_no_more_than_the_next_bytes(
    make_origin: MakeOrigin, make_sidecar: MakeSidecar
) -> None:
    def stream(_request: Received, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        connection.sendall(b"data: sk-te")
        time.sleep(0.1)
        connection.sendall(b"rrible\n\n")
        connection.recv(1)

    sidecar = make_sidecar([route(HOST, make_origin(HOST, answer=stream), inject=INJECT)], {"T": TOKEN})
    _delays(sidecar, 1)

"""The first message of a TLS connection, from real clients and from hostile ones."""

import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.domain.tls import ClientHello, ClientHelloReader, InvalidClientHelloError, NotTlsError


def vector(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width) + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + vector(2, data)


def server_names(*names: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(2, b"".join(bytes([kind]) + vector(2, name) for name in names)))


def body(
    extensions: bytes | None, *, version: bytes = b"\x03\x03", behind: bytes = b"", session: bytes = bytes(32)
) -> bytes:
    start = version + bytes(32) + vector(1, session) + vector(2, b"\x13\x01") + vector(1, b"\0")
    return start + (b"" if extensions is None else vector(2, extensions)) + behind


def message(content: bytes, *, kind: int = 1) -> bytes:
    return bytes([kind]) + vector(3, content)


def records(content: bytes, size: int = 2**14) -> bytes:
    pieces = [content[place : place + size] for place in range(0, len(content), size)]
    return b"".join(b"\x16\x03\x01" + vector(2, piece) for piece in pieces)


def hello(*extensions: bytes) -> bytes:
    return records(message(body(b"".join(extensions))))


def read(data: bytes) -> ClientHello | None:
    return ClientHelloReader().feed(data)


def outcome(pieces: list[bytes]) -> ClientHello | type[InvalidClientHelloError] | None:
    reader = ClientHelloReader()
    try:
        for piece in pieces:
            if (found := reader.feed(piece)) is not None:
                return found
    except InvalidClientHelloError as error:
        return type(error)
    return None


def drip(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def real_hello(name: str | None, version: ssl.TLSVersion) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM", "api.example.com"),
        ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
        (f"{'a' * 60}.{'b' * 60}.example", f"{'a' * 60}.{'b' * 60}.example"),
        ("192.0.2.1", None),
        ("::1", None),
        (None, None),
    ],
)
def test_what_openssl_sends(name: str | None, expected: str | None, version: ssl.TLSVersion) -> None:
    data = real_hello(name, version)
    assert read(data) == ClientHello(expected, offers_ech=False)
    assert outcome(drip(data)) == read(data)
    assert read(data[:-1]) is None
    assert read(records(data[5:], size=20)) == read(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(records(message(body(None))), ClientHello(None), id="no extensions"),
        pytest.param(hello(), ClientHello(None), id="empty extensions"),
        pytest.param(hello(server_names(b"A.example.")), ClientHello("a.example"), id="case and root dot"),
        pytest.param(
            hello(extension(0xFE0D, b"\0"), server_names(b"a.b")), ClientHello("a.b", offers_ech=True), id="ECH"
        ),
        pytest.param(
            hello(extension(0xFFCE, b""), server_names(b"a.b")), ClientHello("a.b", offers_ech=True), id="ESNI"
        ),
        pytest.param(hello(extension(0x0A0A, b"")), ClientHello(None), id="GREASE"),
        pytest.param(hello(server_names(b"a.b")) + b"\x17\x03\x03early", ClientHello("a.b"), id="early data behind"),
        pytest.param(hello(server_names(b"a.b")) + b"garbage", ClientHello("a.b"), id="what follows is not looked at"),
        pytest.param(hello(server_names(b"a.b"), extension(21, bytes(20_000))), ClientHello("a.b"), id="two records"),
    ],
)
def test_hellos(data: bytes, expected: ClientHello) -> None:
    assert read(data) == expected
    assert outcome(drip(data)) == expected


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(hello(server_names(b"a.b", b"c.d")), "leaves bytes over", id="two names"),
        pytest.param(hello(server_names(b"a.b"), server_names(b"c.d")), "twice", id="two extensions"),
        pytest.param(hello(extension(9, b""), extension(9, b"")), "twice", id="another extension twice"),
        pytest.param(hello(server_names(b"a.b", kind=1)), "unknown type", id="unknown type of name"),
        pytest.param(hello(extension(0, b"")), "beyond its end", id="empty extension"),
        pytest.param(hello(extension(0, b"\0\0")), "beyond its end", id="empty list"),
        pytest.param(hello(server_names(b"")), "host is empty", id="empty name"),
        pytest.param(
            hello(extension(0, vector(2, b"\0" + vector(2, b"a.b")) + b"!")), "leaves", id="bytes behind the list"
        ),
        pytest.param(hello(extension(0, vector(2, b"\0\0\x09a.b"))), "beyond its end", id="name longer than its list"),
        pytest.param(hello(server_names(b"a.b\0.c")), "name is none", id="NUL"),
        pytest.param(hello(server_names(b"me@a.b")), "name is none", id="userinfo"),
        pytest.param(hello(server_names(b"a.b:443")), "name is none", id="port"),
        pytest.param(hello(server_names(b"a.b\n")), "name is none", id="newline"),
        pytest.param(hello(server_names(b"*.a.b")), "name is none", id="wildcard"),
        pytest.param(hello(server_names("bücher.example".encode())), "not ASCII", id="not ASCII"),
        pytest.param(hello(server_names(b"127.0.0.1")), "an address", id="IPv4"),
        pytest.param(hello(server_names(b"[::1]")), "an address", id="IPv6"),
        pytest.param(hello(server_names(b"0x7f.1")), "name is none", id="numeric"),
        pytest.param(records(message(body(b"", behind=b"!"))), "leaves bytes over", id="bytes behind the extensions"),
        pytest.param(records(message(body(b"\0\0\0\x09"))), "beyond its end", id="extension longer than all"),
        pytest.param(records(message(body(b"\0"))), "beyond its end", id="half an extension"),
        pytest.param(records(message(body(None)[:-1])), "beyond its end", id="cut"),
        pytest.param(records(message(b"")), "beyond its end", id="empty"),
        pytest.param(records(message(body(None, session=bytes(33)))), "no valid length", id="session of 33 bytes"),
        pytest.param(records(message(body(b"", version=b"\x02\x03"))), "unknown version", id="version 2"),
        pytest.param(
            records(message(body(None)) + message(body(None))), "follow the hello", id="two hellos in a record"
        ),
        pytest.param(records(message(body(None)) + b"!"), "follow the hello", id="a byte behind"),
        pytest.param(records(message(b"", kind=2)), "no ClientHello", id="server's hello"),
        pytest.param(records(b"\0"), "no ClientHello", id="hello request"),
        pytest.param(records(b"\x01\xff\xff\xff"), "longer than", id="16 MB announced"),
        pytest.param(records(message(bytes(2**15))), "longer than", id="too long"),
        pytest.param(b"\x16\x03\x01\0\0", "empty or too long", id="empty record"),
        pytest.param(b"\x16\x03\x01\x40\x01", "empty or too long", id="record over 16 KiB"),
        pytest.param(records(message(body(None)), size=1), "more than 64 records", id="a byte a record"),
        pytest.param(records(message(body(None)), size=9)[:14] + b"\x15\x03", "cut off", id="an alert in between"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", "does not begin", id="HTTP"),
        pytest.param(b"SSH-2.0-x\r\n", "does not begin", id="SSH"),
        pytest.param(b"\x80\x2e\x01\x03\x01", "does not begin", id="SSL 2"),
        pytest.param(b"\x16\x02", "does not begin", id="unknown version of records"),
        pytest.param(b"\x17\x03\x03\0\1x", "does not begin", id="application data"),
        pytest.param(b"\0", "does not begin", id="NUL"),
    ],
)
def test_what_is_no_hello(data: bytes, why: str) -> None:
    with pytest.raises(InvalidClientHelloError, match=why) as caught:
        read(data)
    assert outcome(drip(data)) is type(caught.value)
    assert (type(caught.value) is NotTlsError) == (why == "does not begin")


def test_an_error_stays() -> None:
    reader = ClientHelloReader()
    for _ in range(2):
        with pytest.raises(NotTlsError):
            reader.feed(b"G")


def test_a_hello_stays() -> None:
    reader = ClientHelloReader()
    first = reader.feed(hello(server_names(b"a.b")))
    assert reader.feed(hello(server_names(b"c.d"))) == first == ClientHello("a.b")


VALID = hello(extension(10, b"\0\x02\0\x1d"), server_names(b"api.example.com"), extension(0xFE0D, b"\0"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A hello with a few bytes changed, taken out or put in."""
    data = bytearray(VALID)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


BYTES = st.one_of(st.binary(max_size=80), damaged(), st.binary(max_size=80).map(lambda data: records(message(data))))


@given(BYTES)
def test_any_bytes_are_a_hello_or_wait_or_are_refused(data: bytes) -> None:
    outcome([data])


@given(BYTES, st.lists(st.integers(1, 40), max_size=8))
def test_the_cut_makes_no_difference(data: bytes, sizes: list[int]) -> None:
    pieces, place = [], 0
    for size in sizes:
        pieces.append(data[place : place + size])
        place += size
    assert outcome([*pieces, data[place:]]) == outcome([data]) == outcome(drip(data))


@given(st.integers(1, 60))
def test_records_make_no_difference(size: int) -> None:
    data = VALID[5:]
    expected = read(VALID)
    if len(data) <= 64 * size:
        assert read(records(data, size)) == expected


@given(damaged())
def test_a_name_that_is_read_stands_in_the_bytes(data: bytes) -> None:
    found = outcome([data])
    if isinstance(found, ClientHello) and found.server_name is not None:
        name = found.server_name.encode()
        assert struct.pack(">H", len(name)) + name in data.lower() or name + b"." in data.lower()

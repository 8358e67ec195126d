"""TLS in memory: what arrives, what does not, and how a connection ends. The other side is OpenSSL, by hand."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sidecars.egress.tls_connection import TlsConnection
from tests.egress.harness import TestCa, server_context

HOST = "api.example.com"


class Wire(asyncio.Transport):
    """The plain transport beneath: what is written is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.ends: list[str] = []

    def write(self, data: Any) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return "close" in self.ends or "abort" in self.ends

    def write_eof(self) -> None:
        self.ends.append("eof")

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Inner(asyncio.Protocol):
    """Who speaks inside: keeps what it hears, in order."""

    def __init__(self, on_data: Callable[[], None] = lambda: None) -> None:
        self.heard: list[str] = []
        self.data = b""
        self.on_data = on_data

    def connection_made(self, _transport: asyncio.BaseTransport) -> None:
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.on_data()

    def eof_received(self) -> None:
        self.heard.append("eof")

    def connection_lost(self, _error: Exception | None) -> None:
        self.heard.append("lost")


class Pair:
    """A connection under test as the server, and a client of OpenSSL's own."""

    def __init__(self, ca: TestCa) -> None:
        self.inner, self.wire = Inner(), Wire()
        self.outcomes: list[OSError | None] = []
        self.connection = TlsConnection(server_context(*ca.issue(HOST)), self.inner, self.outcomes.append, 10, None)
        self.connection.connection_made(self.wire)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cadata=ca.pem)
        self.client = context.wrap_bio(self._in, self._out, server_hostname=HOST)

    def feed(self, data: bytes, size: int = 0) -> None:
        """Bytes from the network, in pieces of a size."""
        for at in range(0, len(data), size or len(data) or 1):
            piece = data[at : at + (size or len(data))]
            self.connection.get_buffer(-1)[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    def shake(self, size: int = 0) -> None:
        for _ in range(3):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            self.feed(self._out.read(), size)
            self._in.write(bytes(self.wire.sent))
            self.wire.sent.clear()

    def said(self, data: bytes) -> bytes:
        """What the client sends to say this."""
        self.client.write(data)
        return self._out.read()

    def heard(self) -> bytes:
        """What the client reads of all that was sent."""
        self._in.write(bytes(self.wire.sent))
        self.wire.sent.clear()
        return self.client.read(1 << 20)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_what_is_said_arrives_in_both_directions_however_it_is_cut(bottle_ca: TestCa, size: int) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake(size)
        assert (pair.outcomes, pair.inner.heard) == ([None], ["made"])
        pair.feed(pair.said(b"hello"), size)
        pair.feed(pair.said(b"a" * 50_000), size)
        assert pair.inner.data == b"hello" + b"a" * 50_000
        pair.connection.writelines([b"one ", b"", b"two"])
        assert not pair.wire.sent
        await asyncio.sleep(0)
        assert pair.heard() == b"one "
        assert pair.heard() == b"two"

    run(test())


def test_who_is_paused_hears_nothing_until_it_resumes(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake()
        pair.connection.pause_reading()
        pair.feed(pair.said(b"later"))
        assert pair.inner.data == b""
        pair.connection.resume_reading()
        await asyncio.sleep(0)
        assert pair.inner.data == b"later"

    run(test())


def test_broken_records_end_the_connection_and_nothing_more_is_delivered(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake()
        good, broken, after = pair.said(b"good"), bytearray(pair.said(b"broken")), pair.said(b"after")
        broken[-1] ^= 1
        pair.feed(good + bytes(broken) + after)
        assert pair.inner.data in (b"", b"good")
        assert "abort" in pair.wire.ends
        assert "eof" not in pair.inner.heard
        pair.feed(after)
        assert b"after" not in pair.inner.data

    run(test())


def test_who_aborts_in_the_middle_hears_nothing_more(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake()
        pair.inner.on_data = pair.connection.abort
        pair.feed(pair.said(b"x" * 300_000)[:100_000])
        heard = len(pair.inner.data)
        pair.feed(pair.said(b"more"))
        assert len(pair.inner.data) == heard
        assert pair.wire.ends == ["abort"]

    run(test())


def test_a_goodbye_is_heard_and_answered(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake()
        last = pair.said(b"last words")
        with pytest.raises(ssl.SSLWantReadError):
            pair.client.unwrap()
        pair.feed(last + pair._out.read())
        assert (pair.inner.data, pair.inner.heard) == (b"last words", ["made", "eof"])
        assert pair.connection.is_closing()
        pair._in.write(bytes(pair.wire.sent))
        pair.client.unwrap()  # our goodbye, not an end that anybody could have made
        pair.connection.connection_lost(None)
        assert pair.inner.heard == ["made", "eof", "lost"]

    run(test())


def test_what_was_written_before_the_end_is_sent_before_it(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.shake()
        pair.connection.write(b"the answer")
        pair.connection.close()
        assert pair.wire.ends == ["eof"]
        assert pair.heard() == b"the answer"
        assert pair.heard() == b""

    run(test())


def test_a_handshake_that_fails_is_told_once_and_connects_nobody(bottle_ca: TestCa) -> None:
    async def test() -> None:
        pair = Pair(bottle_ca)
        pair.feed(b"GET / HTTP/1.1\r\n\r\n")
        pair.connection.connection_lost(None)
        assert len(pair.outcomes) == 1
        assert isinstance(pair.outcomes[0], ssl.SSLError)
        assert pair.inner.heard == []
        assert "close" in pair.wire.ends

        lost = Pair(bottle_ca)
        lost.connection.connection_lost(None)
        assert isinstance(lost.outcomes[0], ConnectionResetError)

    run(test())

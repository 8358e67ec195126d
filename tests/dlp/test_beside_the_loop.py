"""What takes long to look at is looked at beside the event loop, in order: told by the threads, not by a clock."""

import asyncio
import base64
import gzip
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bottle.domain.dlp.disguises import Disguises
from bottle.domain.dlp.hints import Hints
from bottle.domain.dlp.layouts import Layouts
from bottle.domain.dlp.matching import Match
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Leak
from sidecars.egress.admission import Admission
from sidecars.egress.scanned import Scanned
from sidecars.egress.websocket import Relay
from sidecars.scanner.database import Database
from sidecars.scanner.guard import Guard
from tests.dlp.scanning import PHRASE, TOKEN, Tokens
from tests.dlp.spelled import ONE_STEP
from tests.egress.websockets_origin import FIN, TEXT, frame
from tests.egress.wires import Wire

_LITTLE = 16 * 1024


class Watched(Tokens):
    """Patterns that note in which thread how much was looked at, and wait there for leave."""

    def __init__(self) -> None:
        self.looked: dict[str, int] = {}
        self.leave = threading.Event()
        self.leave.set()

    def find(self, data: bytes) -> list[Match]:
        kind = threading.current_thread().name.partition("_")[0]
        self.looked[kind] = self.looked.get(kind, 0) + len(data)
        if kind == "scan":
            assert self.leave.wait(60)
        return super().find(data)


@pytest.fixture
def patterns() -> Watched:
    return Watched()


@pytest.fixture
def guard(patterns: Watched) -> Guard:
    return Guard.of((), b"test", patterns)


def _scanned(guard: Guard, pieces: list[bytes], coding: str = "") -> bytes | Leak:
    """What passes of a body in pieces, or what stopped it."""

    async def through() -> bytes | Leak:
        passed, outcome = bytearray(), asyncio.get_running_loop().create_future()

        def on_passed(data: bytes, is_last: bool) -> None:
            passed.extend(data)
            if is_last:
                outcome.set_result(bytes(passed))

        scanned = Scanned(guard.body(coding), on_passed, outcome.set_result)
        for piece in pieces:
            scanned.feed(piece)
        scanned.finish()
        verdict: bytes | Leak = await outcome
        return verdict

    return asyncio.run(through())


def test_a_little_is_looked_at_at_once(guard: Guard, patterns: Watched) -> None:
    assert _scanned(guard, [b'{"text": "hello"}']) == b'{"text": "hello"}'
    assert patterns.looked.keys() == {"MainThread"}


@pytest.mark.parametrize("size", [10_000, 300_000])
def test_much_is_looked_at_on_a_thread(size: int, guard: Guard, patterns: Watched) -> None:
    pieces = [b"%07d " % number for number in range(size // 8)]
    assert _scanned(guard, pieces) == b"".join(pieces)
    assert patterns.looked.keys() == {"scan"}


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip in base64": lambda data: base64.b64encode(gzip.compress(data)),
    "gzip in gzip": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("secret", [b"", TOKEN.encode()])
@pytest.mark.parametrize("packing", PACKED)
def test_little_in_which_much_is_packed_is_looked_at_on_a_thread(
    packing: str, secret: bytes, guard: Guard, patterns: Watched
) -> None:
    """Else a few kilobytes could hold up everybody for as long as megabytes take."""
    body = PACKED[packing](b"nothing of interest " * 50_000 + secret)
    outcome = _scanned(guard, [body])
    if secret:
        assert isinstance(outcome, Leak)
        assert outcome.finding.rule == "dlp.test-token"
    else:
        assert outcome == body
    assert patterns.looked["scan"] > 1_000_000
    assert patterns.looked["MainThread"] < len(body) + _LITTLE


def test_a_head_holds_no_more_than_can_be_looked_at_on_the_loop(guard: Guard, patterns: Watched) -> None:
    bomb = base64.b64encode(gzip.compress(bytes(8_000_000)))
    with pytest.raises(Leak) as caught:
        guard.check_head(b"/", [(b"X-State", bomb)])
    assert caught.value.finding.rule == "dlp.unreadable"
    assert sum(patterns.looked.values()) < 2_000_000


def _admission(guard: Guard, fields: list[tuple[bytes, bytes]]) -> Admission:
    ticket = SimpleNamespace(route=SimpleNamespace(scan=True, name="h"))
    gateway = SimpleNamespace(
        rules=SimpleNamespace(guard_for=lambda _ticket: guard, judge=lambda *_: ticket),
        trail=SimpleNamespace(entry=lambda *_, **__: None),
    )
    head = SimpleNamespace(method="GET", target="/v1", fields=fields, upgrade="", place="")
    named = SimpleNamespace(authority=SimpleNamespace(host="h", port=443), target="/v1", scheme="https")
    admission = Admission(cast("Any", gateway), cast("Any", head), cast("Any", named))
    assert admission.judge(lambda _head: None) is None
    return admission


def _told(guard: Guard, *fields: tuple[bytes, bytes]) -> tuple[bool, Leak | None]:
    """Whether what is found in a head comes later, and what it is."""

    async def told() -> tuple[bool, Leak | None]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        outcome: asyncio.Future[Leak | None] = asyncio.get_running_loop().create_future()
        is_later = _admission(guard, list(fields)).look(outcome.set_result)
        return is_later, await outcome

    return asyncio.run(told())


@pytest.mark.parametrize(("size", "thread"), [(100, "MainThread"), (40_000, "scan")])
def test_a_long_head_is_looked_at_on_a_thread(size: int, thread: str, guard: Guard, patterns: Watched) -> None:
    said = b"word " * (size // 5)
    assert _told(guard, (b"X-Long", said)) == (thread == "scan", None)
    assert patterns.looked.keys() == {thread}
    is_later, leak = _told(guard, (b"X-Long", said + TOKEN.encode()))
    assert is_later == (thread == "scan")
    assert leak is not None
    assert leak.finding.place == "the header x-long"
    assert patterns.looked.keys() == {thread}


def test_a_long_head_joins_what_those_before_it_said() -> None:
    """Of one that a thread looks at, too, the short fields are remembered."""
    guard = Guard.of([Registered("VALUE", PHRASE.encode())], b"test")
    long = (b"X-Long", b"word " * 8000)
    assert _told(guard, long, (b"X-Part", PHRASE[:12].encode())) == (True, None)
    is_later, leak = _told(guard, long, (b"X-Part", PHRASE[12:].encode()))
    assert is_later
    assert leak is not None
    assert leak.finding.place == "the headers of several requests"


def test_where_the_scanner_fails_a_head_is_refused(
    guard: Guard, patterns: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_data: bytes) -> list[Match]:
        raise RuntimeError("no scanner")

    monkeypatch.setattr(patterns, "find", fails)
    for said in (b"word", b"word " * 8000):
        _, leak = _told(guard, (b"X-Any", said))
        assert leak is not None
        assert leak.finding.rule == "dlp.failed"


def _relay(guard: Guard, agent: Wire, origin: Wire) -> None:
    gateway = SimpleNamespace(
        rules=SimpleNamespace(guard_for=lambda _ticket: guard),
        guests=set(),
        trail=SimpleNamespace(close=lambda _entry: None),
    )
    ticket = SimpleNamespace(route=SimpleNamespace(scan=True), forms=None)
    entry = SimpleNamespace(bytes_out=0, bytes_in=0, allowed=True)
    Relay(cast("Any", gateway), cast("Any", ticket), cast("Any", entry), agent, origin).begin(b"")


def test_what_an_agent_says_over_a_websocket_waits_for_the_thread_in_order(guard: Guard, patterns: Watched) -> None:
    async def told() -> None:
        agent, origin = Wire(), Wire()
        _relay(guard, agent, origin)
        patterns.leave.clear()
        for word in (b"first", b"second"):
            agent.protocol.data_received(frame(FIN | TEXT, word, masked=True))
        assert not agent.reads
        assert not origin.written
        origin.protocol.pause_writing()
        origin.protocol.resume_writing()
        assert not agent.reads, "the origin takes more, but what was said before is not judged yet"
        patterns.leave.set()
        await origin.until_written(2)
        assert agent.reads
        sizes = [len(one) for one in origin.written]
        assert sizes == [len(frame(FIN | TEXT, word, masked=True)) for word in (b"first", b"second")]

    asyncio.run(told())
    assert patterns.looked.keys() == {"scan"}


def test_an_answer_passes_while_a_message_is_looked_at_and_its_secret_does_not() -> None:
    patterns = Watched()
    guard = Guard.of((), b"test", patterns)

    async def told() -> None:
        agent, origin = Wire(), Wire()
        _relay(guard, agent, origin)
        patterns.leave.clear()
        agent.protocol.data_received(frame(FIN | TEXT, TOKEN.encode(), masked=True))
        origin.protocol.data_received(frame(FIN | TEXT, b"an answer", masked=False))
        await agent.until_written(1)
        assert b"an answer" in agent.written[0]
        patterns.leave.set()
        await agent.until_closed()
        assert (1008).to_bytes(2) in agent.written[1]
        assert [one[0] & 15 for one in origin.written] == [8], "a close frame and nothing of the message"

    asyncio.run(told())


def test_a_scanner_that_fails_ends_the_websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = Watched()
    guard = Guard.of((), b"test", patterns)

    def fails(_data: bytes) -> list[Match]:
        raise RuntimeError("no scanner")

    monkeypatch.setattr(patterns, "find", fails)

    async def told() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        agent, origin = Wire(), Wire()
        _relay(guard, agent, origin)
        agent.protocol.data_received(frame(FIN | TEXT, PHRASE.encode(), masked=True))
        await agent.until_closed()
        assert [one[0] & 15 for one in origin.written] == [8]

    asyncio.run(told())


def test_after_warming_up_nothing_is_left_to_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes tens of milliseconds, in which nobody would be served."""
    for made in (Hints, Layouts, Disguises):
        made.by.cache_clear()
    guard = Guard.of([Registered("VALUE", PHRASE.encode())], b"test")
    guard.warm_up()
    monkeypatch.setattr(Database, "_compile", lambda self: pytest.fail(f"{self._texts} is compiled late"))
    said = [*(step(b"nothing of interest") for step in ONE_STEP.values()), b'{"role": "user"} ' * 500]
    for body in said:
        stream = guard.body()
        stream.feed(body)
        stream.finish()

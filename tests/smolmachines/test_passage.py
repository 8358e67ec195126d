"""The door into the sidecars' container, and whoever knocks: nothing passes before both have shown what they know."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence

import pytest

from bottle.domain.passage import DoorStart, parse_start, start_document
from bottle.domain.strict_json import ConfigError
from sidecars.passage import door, greeting
from sidecars.passage.carry import Ends
from sidecars.passage.door import Door
from sidecars.passage.greeting import StrangerError

KEY, OTHER = bytes(range(32)), bytes(32)


async def _pair() -> tuple[Ends, Ends]:
    one, other = socket.socketpair()
    return await asyncio.open_connection(sock=one), await asyncio.open_connection(sock=other)


def _meet(
    caller: Callable[[Ends], Coroutine[None, None, object]], keeper: Callable[[Ends], Coroutine[None, None, object]]
) -> Sequence[object]:
    """What becomes of both ends of one connection; each hangs up when it is done."""

    async def then_hang_up(end: Ends, does: Awaitable[object]) -> object:
        try:
            return await does
        finally:
            end[1].close()

    async def both() -> Sequence[object]:
        one, other = await _pair()
        ends = then_hang_up(one, caller(one)), then_hang_up(other, keeper(other))
        return await asyncio.gather(*ends, return_exceptions=True)

    return asyncio.run(both())


def test_whoever_knows_the_key_gets_to_the_port_that_was_asked_for() -> None:
    assert _meet(lambda end: greeting.call(end, KEY, 9418), lambda end: greeting.answer(end, KEY)) == [None, 9418]


def test_without_the_key_neither_end_goes_on() -> None:
    found = _meet(lambda end: greeting.call(end, OTHER, 9418), lambda end: greeting.answer(end, KEY))
    assert [type(each) for each in found] == [StrangerError, StrangerError]


def test_an_impostor_at_the_port_hears_a_number_and_no_more() -> None:
    """It could do nothing with a code either: the next greeting has other numbers."""
    heard = bytearray()

    async def impostor(end: Ends) -> None:
        heard.extend(await end[0].readexactly(34))
        end[1].write(bytes(64))
        heard.extend(await end[0].read())

    caller, _ = _meet(lambda end: greeting.call(end, KEY, 8888), impostor)
    assert isinstance(caller, StrangerError)
    assert len(heard) == 34


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes(33), bytes(34)], ids=len)
def test_a_caller_who_hangs_up_early_is_a_stranger(said: bytes) -> None:
    async def caller(end: Ends) -> None:
        end[1].write(said)

    assert isinstance(_meet(caller, lambda end: greeting.answer(end, KEY))[1], StrangerError)


def test_what_the_door_has_shown_opens_it_to_nobody() -> None:
    """A code says which end made it, and another greeting's is about other numbers."""

    async def echo(end: Ends) -> None:
        end[1].write(bytes(34))
        said = await end[0].readexactly(64)
        end[1].write(said[32:])
        await end[0].read()

    assert isinstance(_meet(echo, lambda end: greeting.answer(end, KEY))[1], StrangerError)


def test_a_code_that_was_heard_once_is_of_no_use_again() -> None:
    heard: list[bytes] = []

    async def known(end: Ends) -> None:
        await greeting.call(end, KEY, 8888)

    async def listening(end: Ends) -> int:
        reader, writer = end
        return await greeting.answer((_Recorded(reader, heard), writer), KEY)  # type: ignore[arg-type]

    async def again(end: Ends) -> None:
        asked, code = heard
        end[1].write(asked)
        await end[0].readexactly(64)
        end[1].write(code)
        await end[0].read()

    assert _meet(known, listening)[1] == 8888
    assert isinstance(_meet(again, lambda end: greeting.answer(end, KEY))[1], StrangerError)


class _Recorded:
    def __init__(self, reader: asyncio.StreamReader, heard: list[bytes]) -> None:
        self._reader, self._heard = reader, heard

    async def readexactly(self, size: int) -> bytes:
        self._heard.append(data := await self._reader.readexactly(size))
        return data


def test_a_silent_caller_is_sent_away_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "SECONDS", 0.01)

    async def silent(end: Ends) -> bytes:
        return await end[0].read()

    assert _meet(silent, lambda end: greeting.answer(end, KEY))[0] == b""


async def _knock(opened: Door, *, port: int) -> bytes:
    """What comes back of a word to a service that answers it in capitals, through the door."""
    one, other = await _pair()
    serving = asyncio.create_task(opened.open(*other))
    try:
        await greeting.call(one, KEY, port)
        one[1].write(b"ahoy")
        one[1].write_eof()
        return await one[0].read()
    except (StrangerError, OSError):
        return b""
    finally:
        one[1].close()
        await serving


async def _in_capitals(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())
    writer.close()


def test_the_door_leads_to_its_own_ports_and_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both() -> tuple[bytes, bytes, bytes]:
        servers = [await asyncio.start_server(_in_capitals, "127.0.0.1", 0) for _ in range(2)]
        known, unknown = (server.sockets[0].getsockname()[1] for server in servers)
        opened = Door(DoorStart(7000, (known,), KEY))
        through, past = await _knock(opened, port=known), await _knock(opened, port=unknown)
        monkeypatch.setattr(door, "_MOST_STRANGERS", 0)
        crowded = await _knock(opened, port=known)
        for server in servers:
            server.close()
        return through, past, crowded

    assert asyncio.run(both()) == (b"AHOY", b"", b"")


def test_a_connection_that_breaks_breaks_beyond_the_door(capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing is said of it: nobody reads there, and a full pipe would hold up all other connections."""

    async def broken() -> bool:
        over = asyncio.Event()

        async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            over.set()

        server = await asyncio.start_server(service, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        opened = await asyncio.start_server(Door(DoorStart(7000, (port,), KEY)).open, "127.0.0.1", 0)
        caller = await asyncio.open_connection(*opened.sockets[0].getsockname())
        await greeting.call(caller, KEY, port)
        caller[1].transport.abort()
        gc.collect()
        async with asyncio.timeout(30):
            await over.wait()
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        for each in (server, opened):
            each.close()
        return over.is_set()

    assert asyncio.run(broken())
    gc.collect()
    assert capfd.readouterr().err == ""


def test_what_a_door_is_told_comes_back_whole() -> None:
    start = DoorStart(7000, (8888, 9418), KEY)
    assert parse_start(start_document(start)) == start
    assert KEY.hex() not in repr(start)


@pytest.mark.parametrize(
    "changed", [{"key": "00" * 31}, {"key": "zz" * 32}, {"port": 0}, {"doors": [65536]}, {"doors": 8888}, {"more": 1}]
)
def test_a_door_takes_nothing_else(changed: dict[str, object]) -> None:
    document = {**start_document(DoorStart(7000, (8888,), KEY)), **changed}
    with pytest.raises(ConfigError) as failure:
        parse_start(document)
    assert "zz" not in str(failure.value)

"""A value that is cut up over fields or over requests is found, and its refusal is one."""

from collections.abc import Callable, Iterable

import pytest

from bottle.domain.dlp.carried import Carried, fields_of
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Leak
from sidecars.scanner.guard import Guard
from tests.dlp.scanning import OPAQUE

PIECES = [OPAQUE[at : at + 4].encode() for at in range(0, len(OPAQUE), 4)]
HEAD = [(b"host", b"api.example.com"), (b"accept", b"*/*")]
Send = Callable[[Guard, bytes], None]


def _guard() -> Guard:
    return Guard.of([Registered("OPAQUE", OPAQUE.encode())], b"test")


def _post(guard: Guard, body: bytes) -> None:
    guard.check_head(b"/v1", HEAD)
    stream = guard.body()
    stream.feed(body)
    stream.finish()


def _say(guard: Guard, text: bytes) -> None:
    stream = guard.message()
    stream.feed(text)
    stream.finish()


CHANNELS: dict[str, Send] = {
    "a member of JSON": lambda guard, piece: _post(guard, b'{"seq": 7, "data": "%b"}' % piece),
    "a field of a form": lambda guard, piece: _post(guard, b"seq=7&data=%b" % piece),
    "a whole body": _post,
    "a parameter": lambda guard, piece: guard.check_head(b"/v1?seq=7&q=%b" % piece, HEAD),
    "the last segment of a path": lambda guard, piece: guard.check_head(b"/v1/log/%b" % piece, HEAD),
    "a header": lambda guard, piece: guard.check_head(b"/v1", [*HEAD, (b"x-part", piece)]),
    "messages": lambda guard, piece: _say(guard, b'{"type": "log", "data": "%b"}' % piece),
}


def _passed(guard: Guard, send: Send, pieces: Iterable[bytes]) -> int:
    """How many pieces left before one was refused."""
    for number, piece in enumerate(pieces):
        try:
            send(guard, piece)
        except Leak:
            return number
    return len(list(pieces))


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_last_piece_of_a_value_does_not_leave(channel: str) -> None:
    assert _passed(_guard(), CHANNELS[channel], PIECES) == len(PIECES) - 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_it_is_refused_again_and_other_pieces_are_not(channel: str) -> None:
    """One refusal must not become many: what comes after it has its own verdict."""
    guard, send = _guard(), CHANNELS[channel]
    assert _passed(guard, send, PIECES) == len(PIECES) - 1
    assert _passed(guard, send, PIECES[-1:]) == 0
    assert _passed(guard, send, [b"quite", b"different"]) == 2


def test_what_repeats_between_the_pieces_does_not_hide_them() -> None:
    """Other requests, and other fields of the same request, stand between."""
    guard = _guard()
    for number, piece in enumerate(PIECES[:-1]):
        _post(guard, b'{"n": %d, "data": "%b"}' % (number, piece))
        _post(guard, b'{"jsonrpc": "2.0", "method": "ping"}')
    with pytest.raises(Leak):
        _post(guard, b'{"n": 99, "data": "%b"}' % PIECES[-1])


def test_a_value_in_several_fields_of_one_body_is_found() -> None:
    with pytest.raises(Leak):
        _post(_guard(), b'{"a": "%b", "b": "%b"}' % (OPAQUE[:13].encode(), OPAQUE[13:].encode()))


def test_a_guard_for_requests_with_silent_rules_remembers_the_same_fields() -> None:
    loud = _guard()
    quiet = loud.quiet(frozenset({"jwt"}))
    for piece in PIECES[:-1]:
        _post(quiet, b'{"data": "%b"}' % piece)
    with pytest.raises(Leak):
        _post(loud, b'{"data": "%b"}' % PIECES[-1])


@pytest.mark.parametrize("text", [b"q=caf%C3%A9", b"q=%E9", b"q=%FF%FE&r=%00", b"%C3%A9=1"])
def test_escapes_of_any_character_set_pass(text: bytes) -> None:
    """What is no ASCII is no reason to refuse, in a query or in a form."""
    guard = _guard()
    guard.check_head(b"/search?" + text, HEAD)
    _post(guard, text)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"a": "x", "b": {"c": 12}, "d": ["e"]}', [(b"a", b"x"), (b"c", b"12")]),
        (b' \n[{"a": "x"}]', [(b"a", b"x")]),
        (b"a=1&b=two", [(b"a", b"1"), (b"b", b"two")]),
        (
            b"a+b=c%20d&empty=&alone&=unnamed&&x=y=z",
            [(b"a b", b"c d"), (b"empty", b""), (b"alone", b""), (b"", b"unnamed"), (b"x", b"y=z")],
        ),
        (b"q=caf%C3%A9&old=caf%E9&broken=%F", [(b"q", "caf\u00e9".encode()), (b"old", b"caf\xe9"), (b"broken", b"%F")]),
        (b" plain text, a = b ", [(b"", b"plain text, a = b")]),
        (b"", [(b"", b"")]),
    ],
)
def test_the_fields_of_a_body(body: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    assert fields_of(body) == fields


def test_what_is_remembered_is_bounded() -> None:
    """Names and values come from outside: there are never more than so many, nor longer ones."""
    carried = Carried()
    assert carried.after(b"a", b"") == b""
    assert carried.after(b"a", b"w" * 256) == b"w" * 256
    carried.keep(b"a", b"w", b"vw")
    assert carried.after(b"a", b"w") == b""  # nothing new
    assert carried.after(b"a", b"") == b""
    for number in range(5000):
        name = b"name%d" % number
        carried.keep(name, b"v", carried.after(name, b"v"))
    kept = [carried.after(b"name%d" % number, b"w") == b"vw" for number in range(5000)]
    assert kept == [False] * (5000 - 1024) + [True] * 1024
    for number in range(5000):
        carried.keep(b"one", b"%d" % number, carried.after(b"one", b"%d" % number))
    assert len(carried.after(b"one", b"w")) == 1024
    assert carried.after(b"one", b"w" * 257) == b""

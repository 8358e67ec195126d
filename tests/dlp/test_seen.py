"""What was found clean is not looked at again, and hides nothing that came to it since."""

import json

import pytest
from attrs import evolve

from bottle.domain.dlp.engine import Engine
from bottle.domain.dlp.matching import Match
from bottle.domain.dlp.stream import PIECE, Leak, Seen, Stream
from tests.dlp.scanning import OPAQUE, TOKEN, Tokens, engine


def _conversation(turns: int) -> bytes:
    messages = [{"role": "user", "content": f"turn {turn}: " + f"word{turn} " * 900} for turn in range(turns)]
    return json.dumps({"messages": messages}).encode()


def test_what_was_seen_clean_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    by, seen, sizes = engine(), Seen(), []
    look = type(by).look

    def counted(self: object, data: bytes, *rest: object, **more: object) -> list[bytes]:
        sizes.append(len(data))
        return look(by, data, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(by), "look", counted)
    for turns in (10, 11):
        sizes.clear()
        stream = Stream(by, "the body", seen)
        stream.feed(_conversation(turns))
        stream.finish()
    assert sum(sizes) < 30_000 < len(_conversation(11))


@pytest.mark.parametrize("turn", range(11))
def test_a_secret_in_any_part_is_found_though_the_rest_was_seen_clean(turn: int) -> None:
    by, seen = engine(), Seen()
    for text in (_conversation(10), _conversation(11).replace(f"turn {turn}:".encode(), OPAQUE.encode())):
        stream = Stream(by, "the body", seen)
        try:
            stream.feed(text)
            stream.finish()
        except Leak:
            break
    else:
        pytest.fail("it passed")


def test_parts_that_are_clean_alone_are_not_when_they_meet() -> None:
    """A value in two halves, each of which was seen in another place before."""
    by, seen = engine(), Seen()
    filler = b"f " * 2048
    first, second = filler + OPAQUE[:13].encode(), b'"role"' + OPAQUE[13:].encode() + filler
    bodies = [first + b'"role" x ' + filler, b'"role" ' + filler + second]
    for body in bodies:
        assert _passes(by, seen, body)
    joined = first + b"-" + second.replace(b'"role"', b'""')
    assert not _passes(by, seen, joined)


class Whole(Tokens):
    """Finds a token and the word behind it, only where no letter follows."""

    def find(self, data: bytes) -> list[Match]:
        found = [Match(match.rule, match.start, match.end + len(_WORD)) for match in super().find(data)]
        return [match for match in found if not data[match.end : match.end + 1].isalnum()]


_WORD = b'"role"'


def test_a_part_that_was_clean_where_content_went_on_is_not_so_at_its_end() -> None:
    """What looks like a secret is none while letters follow; when the same part is the last, it is one."""
    by, seen = evolve(engine(), patterns=Whole()), Seen()
    part = b"words, " * 900 + TOKEN.encode() + _WORD
    assert _passes(by, seen, part + b"more letters " * 900)
    assert not _passes(by, seen, part)


@pytest.mark.parametrize("place", [0, 4_500, 9_000, 15_986, 15_987, 15_988, 16_000, 31_987, 40_000])
def test_a_value_is_found_across_what_was_seen_and_what_was_not(place: int) -> None:
    """Both halves are known as clean, each in a conversation of its own; together they are the value, wherever a piece
    ends or a message begins."""
    by, seen, half = engine(), Seen(), len(OPAQUE) // 2
    body = b"".join(b'{"role": "user", "content": "%b"}, ' % (b"word%d " % turn * 800) for turn in range(9))
    first, second = OPAQUE[:half].encode(), OPAQUE[half:].encode()
    for known in (first + b"-" * half, b"-" * half + second):
        assert _passes(by, seen, body[:place] + known + body[place:], piece=16_000)
    assert not _passes(by, seen, body[:place] + first + second + body[place:], piece=16_000)


class Far(Tokens):
    """Finds what opens and closes thousands of bytes apart, as a key in lines does."""

    window = 8192

    def find(self, data: bytes) -> list[Match]:
        start, end = data.find(b"OPENS"), data.find(b"CLOSES") + 6
        return [Match("far", start, end)] if 0 <= start < end <= start + self.window else []


def test_a_part_is_known_with_all_that_a_pattern_reaches_back_to() -> None:
    """Of three parts the middle one holds nothing: the last was clean behind it, and is not behind the first too."""
    by, seen = evolve(engine(), patterns=Far()), Seen()
    middle = b'"role"' + b"word " * 830
    opened, closed = b"word " * 830 + b"OPENS ", b'"role" CLOSES' + b" word" * 830
    assert _passes(by, seen, opened + middle + b'"role"' + b" word" * 830)
    assert _passes(by, seen, b"word " * 830 + b"other " + middle + closed)
    assert not _passes(by, seen, opened + middle + closed)


def test_what_is_remembered_as_clean_is_bounded() -> None:
    seen = Seen()
    for number in range(70_000):
        seen.add(b"%d" % number)
        assert b"0" in seen  # it is asked for again and again, and so stays
    assert b"1" not in seen
    assert b"69999" in seen
    assert sum(b"%d" % number in seen for number in range(70_000)) == 65_536


def _passes(by: Engine, seen: Seen, body: bytes, piece: int = PIECE) -> bool:
    stream = Stream(by, "the body", seen, piece=piece)
    try:
        stream.feed(body)
        stream.finish()
    except Leak:
        return False
    return True

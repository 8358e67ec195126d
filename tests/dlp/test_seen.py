"""What was found clean is not looked at again, and hides nothing that came to it since."""

import base64
import json
import random
import struct
import zlib

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.dlp.engine import Engine, Looked
from bottle.domain.dlp.matching import NEAR, Match
from bottle.domain.dlp.stream import PIECE, Leak, Seen, Stream
from tests.dlp.scanning import OPAQUE, TOKEN, Spelling, Tokens, engine
from tests.dlp.spelled import ONE_STEP


def _conversation(turns: int) -> bytes:
    messages = [{"role": "user", "content": f"turn {turn}: " + f"word{turn} " * 900} for turn in range(turns)]
    return json.dumps({"messages": messages}).encode()


def test_what_was_seen_clean_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    by, seen, sizes = engine(), Seen(), []
    look = type(by).look

    def counted(self: object, data: bytes, *rest: object, **more: object) -> Looked:
        sizes.append(len(data))
        return look(by, data, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(by), "look", counted)
    for turns in (10, 11):
        sizes.clear()
        stream = Stream(by, "the body", seen)
        stream.feed(_conversation(turns))
        stream.finish()
    last_turns = len(_conversation(11)) - len(_conversation(9))  # the one before the new one has no end as before
    assert sum(sizes) < NEAR + last_turns < 20_000


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

    def is_open(self, data: bytes) -> bool:
        return b"OPENS" in data


def test_a_part_is_known_with_all_that_a_pattern_reaches_back_to() -> None:
    """Of three parts the middle one holds nothing: the last was clean behind it, and is not behind the first too."""
    by, seen = evolve(engine(), patterns=Far()), Seen()
    middle = b'"role"' + b"word " * 830
    opened, closed = b"word " * 830 + b"OPENS ", b'"role" CLOSES' + b" word" * 830
    assert _passes(by, seen, opened + middle + b'"role"' + b" word" * 830)
    assert _passes(by, seen, b"word " * 830 + b"other " + middle + closed)
    assert not _passes(by, seen, opened + middle + closed)


@pytest.mark.parametrize("wrap", [bytes, base64.b64encode], ids=["plain", "base64"])
def test_what_is_known_is_looked_at_again_as_far_back_as_something_long_has_begun(wrap: Spelling) -> None:
    """What opens stands thousands of bytes before the message that is new, and what closes in that."""
    by, seen = evolve(engine(), patterns=Far()), Seen()
    turns = b'{"role": "user", "content": "' + b"a word and " * 400 + b'"}'
    opened = b'{"role": "user", "content": "' + wrap(b"this OPENS " + b"word " * 4) + b" word" * 900
    closed = b'"}, {"role": "user", "content": "' + wrap(b"that CLOSES " + b"word " * 4)
    assert _passes(by, seen, turns + opened + b'"}, {"role": "user", "content": "" }')
    assert not _passes(by, seen, turns + opened + closed)


def test_what_began_in_a_new_part_goes_on_in_one_that_was_seen() -> None:
    """A stream in a message that is new unpacks those behind it, which said nothing before."""
    by, seen = engine(), Seen()
    packing = zlib.compressobj(wbits=31)
    boundary = struct.pack("<BHH", 0, 6, 0xFFFF - 6) + b'"role"'  # stored (RFC 1951 3.2.4)
    noise = random.Random(1).randbytes(30_000).hex().encode()
    first, second, third = (
        packing.compress(text) + packing.flush(zlib.Z_FULL_FLUSH) + boundary
        for text in (noise[:12_000], noise[12_000:36_000], noise[36_000:] + OPAQUE.encode())
    )
    assert len(second) > by.window
    assert _passes(by, seen, b"words, " * 1200 + b'"role"' + second + third)
    assert not _passes(by, seen, first + second + third)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(ONE_STEP)),
    st.integers(0, 400),
    st.integers(0, 600),
    st.sampled_from([b'"}, {"role": "user", "content": "', b"", b" "]),
)
def test_what_was_seen_changes_no_verdict(spelling: str, cut: int, apart: int, between: bytes) -> None:
    """A value that was cut anywhere, in whatever spelling: its first part was seen, and the second comes behind it."""
    spelled = ONE_STEP[spelling](OPAQUE.encode())
    first, second = spelled[: cut % len(spelled)], spelled[cut % len(spelled) :]
    turns = b'{"role": "user", "content": "' + b"a word and " * 400 + b'"}, {"role": "user", "content": "'
    begun = turns + first + b"." * apart
    by, seen = engine(), Seen()
    if _passes(by, seen, begun + between + b'"}'):
        assert _passes(by, seen, begun + between + second) is _passes(by, Seen(), begun + between + second)


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

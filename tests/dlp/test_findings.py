"""What an engine tells of what it found: the rule, the place, what had to be undone, and never the secret."""

import base64
import hashlib
import html
import json
import urllib.parse
from collections.abc import Sequence

import pytest
from attrs import evolve

from bottle.domain.dlp.document import finding_document, read_finding
from bottle.domain.dlp.engine import Engine
from bottle.domain.dlp.finding import FINGERPRINT, Finding, fingerprint
from bottle.domain.dlp.matching import GaveUpError, Match, NoPatterns, Quiet
from bottle.domain.dlp.packing import UnreadableError
from bottle.domain.dlp.spellings import Registered
from bottle.domain.strict_json import ConfigError
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import OPAQUE, TOKEN, Tokens, engine, found

SHORT = "k3y.w-rd"
"""Too few letters and digits for its skeleton to say anything."""


def _told(data: bytes, by: Engine, offset: int = 0, **more: object) -> list[Finding]:
    told: list[Finding] = []
    by.look(data, told.append, offset, **more)  # type: ignore[arg-type]
    return told


def test_a_value_is_told_with_its_name_its_place_and_its_fingerprint() -> None:
    mark = hashlib.blake2b(OPAQUE.encode(), key=b"test", digest_size=8).hexdigest()
    said = Finding("dlp.value", "the value of VALUE_0", "", 107, ("gzip",), mark)
    assert _told(b"before " + OPAQUE.encode(), engine(), 100, via=("gzip",)) == [said]


def test_of_what_is_spelled_otherwise_the_place_is_where_the_look_began() -> None:
    assert _told(b"before " + OPAQUE.encode().hex().encode(), engine(), 100)[0].offset == 100


def test_what_a_pattern_finds_is_told_with_its_rule() -> None:
    mark = fingerprint(b"test", TOKEN.encode())
    said = Finding("dlp.test-token", "what looks like a secret", "", 14, ("zlib",), mark)
    assert _told(b"ab  " + TOKEN.encode() + b" ", engine(patterns=True), 10, via=("zlib",)) == [said]


def test_a_value_of_few_letters_is_found_as_it_is_written_and_not_by_its_skeleton() -> None:
    by = engine(values=(SHORT,))
    assert [one.offset for one in _told(b"say " + SHORT.encode(), by)] == [4]
    assert _told(b"K3Y w.rd k3ywrd", by) == []
    assert found(base64.b64encode(b"it is " + SHORT.encode() + b" here"), by=by) is not None


ESCAPED = [
    "postgres://app:p%40ss%2Fw0rd@db.example.com/main",
    r"C:\new\x41\table\u0041-key",
    "one&amp;two&#65;three+4=",
    "50%41b-c/d",
]


@pytest.mark.parametrize("value", ESCAPED)
def test_a_value_may_hold_what_looks_like_an_escape(value: str) -> None:
    """Whoever decodes until nothing is left to decode must know what that makes of the value."""
    by = engine(values=(value,))
    data = value.encode()
    for text in (
        *(data, data + b" long text" * 900, base64.b64encode(b"it is " + data + b" here")),
        *(urllib.parse.quote(data, safe="").encode(), json.dumps({"a": value}).encode(), html.escape(value).encode()),
        *(urllib.parse.urlencode({"a": value}).encode() + b"&b=" + b"long+text+" * 900,),
    ):
        assert len(_told(text, by)) >= 1 or found(text, by=by), text


def test_a_value_is_found_as_it_reads_without_escapes_where_that_is_no_shorter_than_values_are() -> None:
    assert len(_told(b"say k3y.w-rd", engine(values=("k3y.%77-rd",)))) == 1
    assert _told(b"say k3y.w-d", engine(values=("k3y.%77-d",))) == []


def test_an_engine_prints_nothing_of_what_it_looks_for() -> None:
    """Neither itself nor what it searches with: any of it may end in a log."""
    by = engine(values=(OPAQUE, SHORT))
    for one in (by, by._values, by._values._strewn, by._values._pieces, by._values._cuts, by._values._masks):
        assert not any(part in repr(one) for value in (OPAQUE, SHORT) for part in (value[:4], value.lower()[:4]))


def test_short_values_are_no_values() -> None:
    assert Engine.kept([Registered("a", b"1234567"), Registered("b", b"12345678")]) == (Registered("b", b"12345678"),)


@pytest.mark.parametrize(
    ("cut", "said"),
    [((False, False), 2), ((True, False), 1), ((False, True), 1), ((True, True), 0)],
)
def test_a_pattern_at_an_edge_that_content_goes_on_behind_is_left_to_the_neighbour(
    cut: tuple[bool, bool], said: int
) -> None:
    """There the neighbouring piece sees all of it; here it might be the part of a longer word."""
    text = TOKEN.encode() + b" and " + TOKEN.replace("Z", "Y").encode()
    assert len(_told(text, engine(patterns=True), cut=cut)) == said


def test_what_was_approved_passes_and_its_parts_do() -> None:
    inner = Match("inner", 4, 12)
    outer = Match("outer", 0, 20)
    beside = Match("beside", 21, 29)
    text = TOKEN.encode() + b" and more"

    class Three(NoPatterns):
        def find(self, data: bytes) -> Sequence[Match]:
            return (outer, inner, beside)

    by = evolve(engine(), patterns=Three())
    rules = [one.rule for one in _told(text, by, deep=False)]
    assert rules == ["dlp.outer", "dlp.inner", "dlp.beside"]
    approving = evolve(by, approved=frozenset({fingerprint(b"test", text[:20])}))
    assert [one.rule for one in _told(text, approving, deep=False)] == ["dlp.beside"]
    narrow = evolve(by, approved=frozenset({fingerprint(b"test", text[4:12])}))
    assert [one.rule for one in _told(text, narrow, deep=False)] == ["dlp.outer", "dlp.beside"]


def test_a_registered_value_cannot_be_approved() -> None:
    mark = fingerprint(b"test", OPAQUE.encode())
    by = Engine.of([Registered("x", OPAQUE.encode())], NoPatterns(), b"test", Vectorscan(), approved=[mark])
    assert len(_told(OPAQUE.encode(), by)) == 1


_ROWS = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx" * 2


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        (_ROWS[:70] + b"+" + TOKEN.replace("_", "").encode() + _ROWS[:70], False),
        (_ROWS[:70] + b"/" + TOKEN.replace("_", "").encode() + _ROWS[:70], True),
        (_ROWS[:40] + b"+" + TOKEN.replace("_", "").encode() + _ROWS[:70], True),
        (_ROWS[:70] + b"+" + TOKEN.replace("_", "").encode() + _ROWS[:40], True),
        (_ROWS[:70] + b" +" + TOKEN.replace("_", "").encode() + _ROWS[:70], True),
        (_ROWS[:70] + b"+" + TOKEN.replace("_", "").encode() + b"_" + _ROWS[:70], True),
    ],
)  # fmt: skip
def test_a_match_amid_long_base64_is_chance(text: bytes, is_told: bool) -> None:
    class Bare(NoPatterns):
        def find(self, data: bytes) -> Sequence[Match]:
            at = data.find(TOKEN.replace("_", "").encode())
            return [Match("bare", at, at + 19)] if at >= 0 else []

    assert bool(_told(text, evolve(engine(), patterns=Bare()), deep=False)) is is_told


def test_a_match_that_opens_as_only_secrets_do_is_none() -> None:
    class Key(NoPatterns):
        def find(self, data: bytes) -> Sequence[Match]:
            at = data.find(b"AKIA")
            return [Match("key", at, at + 20)]

    text = _ROWS[:70] + b"+AKIAIOSFODNN7EXAMPLE" + _ROWS[:70]
    assert len(_told(text, evolve(engine(), patterns=Key()), deep=False)) == 1


def test_patterns_that_give_up_refuse() -> None:
    class Tired(NoPatterns):
        def find(self, data: bytes) -> Sequence[Match]:
            raise GaveUpError

    with pytest.raises(UnreadableError, match="more that looks like secrets"):
        _told(b"x", evolve(engine(), patterns=Tired()))


def test_a_quiet_rule_finds_nothing_and_the_others_do() -> None:
    quiet = Quiet(Tokens(), frozenset({"other"}))
    assert (quiet.window, len(quiet.find(TOKEN.encode()))) == (64, 1)
    assert not Quiet(Tokens(), frozenset({"test-token"})).find(TOKEN.encode())
    assert NoPatterns().window == 0


def test_pieces_share_what_the_longest_rule_needs() -> None:
    assert engine().window == 8192

    class Wide(NoPatterns):
        @property
        def window(self) -> int:
            return 9000

    assert evolve(engine(), patterns=Wide()).window == 9000
    assert engine(values=("-" * 5000,)).window == 10_000


def test_of_what_was_seen_as_much_is_looked_at_again_as_a_value_takes_in_pieces() -> None:
    assert engine().near == 2048
    assert engine(values=("-" * 2000,)).near == 4000
    words = "a-long-row-of-words-that-nobody-else-would-ever-put-into-one-name-and-so-it-is-a-secret-to-keep"
    pieces = [words[at : at + 4] for at in range(0, len(words), 4)]
    assert engine(values=(words,)).near > len(("." * 124).join(pieces)) > 2048
    assert found(("." * 124).join(pieces).encode(), by=engine(values=(words,))) is not None


# --- how a finding is said and carried

SAID = Finding("dlp.value", "the value of KEY", "the body", 7, ("base64", "gzip"), "00112233aabbccdd")


def test_a_finding_reads_as_one_line() -> None:
    where = "the value of KEY in the body, about byte 7"
    assert SAID.reason == f"{where}, behind base64 and gzip [fingerprint 00112233aabbccdd]"
    assert Finding("dlp.depth", "content").reason == "content in the content, about byte 0"


def test_a_fingerprint_is_the_agents_own_and_sixty_four_bits() -> None:
    assert fingerprint(b"key", b"secret") == hashlib.blake2b(b"secret", key=b"key", digest_size=8).hexdigest()
    assert FINGERPRINT.match(fingerprint(b"k" * 100, b"secret"))
    assert len({fingerprint(key, secret) for key in (b"a", b"b") for secret in (b"c", b"d")}) == 4
    assert fingerprint(b"k" * 64, b"s") == fingerprint(b"k" * 64 + b"more", b"s")
    assert fingerprint(b"k" * 63, b"s") != fingerprint(b"k" * 64, b"s")
    assert FINGERPRINT.match("0" * 17) is None


def test_a_finding_travels_as_it_is() -> None:
    assert read_finding(finding_document(SAID), "finding") == SAID
    assert finding_document(SAID) == {
        "rule": "dlp.value", "what": "the value of KEY", "place": "the body", "offset": 7, "via": ["base64", "gzip"],
        "fingerprint": "00112233aabbccdd",
    }  # fmt: skip
    bare = Finding("dlp.depth", "content")
    assert read_finding(finding_document(bare), "finding") == bare


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("rule", ""), ("rule", 1), ("what", ""), ("what", None), ("place", 1), ("offset", -1), ("offset", "1"),
     ("offset", 2**63 + 1), ("via", "gzip"), ("via", [""]), ("fingerprint", 1)],
)  # fmt: skip
def test_a_finding_that_is_none_is_refused_by_its_key(key: str, wrong: object) -> None:
    with pytest.raises(ConfigError, match=rf"finding\.{key}"):
        read_finding({**finding_document(SAID), key: wrong}, "finding")
    with pytest.raises(ConfigError, match=key):
        read_finding({name: value for name, value in finding_document(SAID).items() if name != key}, "finding")

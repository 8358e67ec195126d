"""What is undone in a text, each way by itself: what it makes of its escapes, and what it leaves as it stands."""

import random

import pytest

from bottle.domain.dlp.escapes import unpercented, unreferenced, unslashed
from bottle.domain.dlp.hints import Escape, Hints
from bottle.domain.dlp.joined import added, listed
from bottle.domain.dlp.letters import folded
from bottle.domain.dlp.plain import plain, quoted_printable, seven_bits, unescaped
from sidecars.scanner.literals import Vectorscan

HINTS = Hints.by(Vectorscan())
SPARSE = b"\n" + b"words without anything to undo, " * 200
"""Behind what is undone: in a text with few escapes each is undone by itself, in one with many all at once."""


@pytest.mark.parametrize("more", [b"", SPARSE], ids=["many", "few"])
@pytest.mark.parametrize(
    ("escaped", "undone"),
    [
        (rb"\u0041\u00e9\u20ac\ud83d\ude00", "A\u00e9\u20ac\U0001f600".encode()),
        (rb"\x41\x7e\x4A", b"A~J"),
        (rb"\101\176\0", b"A~\0"),
        (rb"\U00000041\U0001F600", "A\U0001f600".encode()),
        (rb"a\nb\tc\rd\\e\"f\'g\a\b\f\v", b"a\nb\tc\rd\\e\"f'g\a\b\f\v"),
        (b"a\\\nb", b"ab"),
        (rb"\u{41}\x{42}\u{1F600}\u+0044\U+00045", "AB\U0001f600DE".encode()),
        (rb"\u00zz \xq \q \N{x} \U00110000", rb"\u00zz \xq \q \N{x} \U00110000"),
        (rb"a\/b", b"a/b"),
        (rb"\41 \42 \43 \44 ", b"ABCD"),
        (rb"\4A \4b \004C \4d ", b"JKLM"),
        (rb"a\ud83db", b"ab"),  # half of a character is none, and no reason to fail
    ],
)  # fmt: skip
def test_escapes_of_program_text(escaped: bytes, undone: bytes, more: bytes) -> None:
    assert unslashed(escaped + more, HINTS.escapes(escaped)) == undone + more


@pytest.mark.parametrize("more", [b"", SPARSE], ids=["many", "few"])
@pytest.mark.parametrize(
    ("escaped", "undone"),
    [
        (b"%41%7e%4A", b"A~J"),
        (b"a%3Db=c=3D", b"a=b=c=3D"),
        (b"%C3%A9%00%FF", b"\xc3\xa9\0\xff"),
        (b"%u0041%u20AC%uD83D%uDE00", "A\u20ac\U0001f600".encode()),
        (b"%u0041%uD83D%u0042", b"AB"),
        (b"a=\nb", b"a=\nb"),
    ],
)
def test_escapes_of_addresses(escaped: bytes, undone: bytes, more: bytes) -> None:
    assert unpercented(escaped + more) == undone + more


@pytest.mark.parametrize(
    ("escaped", "undone"),
    [
        (b"&#65;&#x42;&#X43;&#068;&#69", b"ABCDE"),
        (b"&amp;&lt;&eacute;&Xx;", "&<\u00e9&Xx;".encode()),
        (b"&#8364;&#x1F600;", "\u20ac\U0001f600".encode()),
        (b"&#1114112;&#x110000;&#xD800;", b""),
        (b"a && b & c; &#; &#x;", b"a && b & c; &#; &#x;"),
    ],
)
def test_references_of_pages(escaped: bytes, undone: bytes) -> None:
    assert unreferenced(escaped) == undone


@pytest.mark.parametrize(
    ("escaped", "kinds"),
    [
        (rb"\n", {Escape.SLASHED}),
        (rb"\u004A", {Escape.SLASHED}),
        (rb"\u00e9", {Escape.SLASHED, Escape.LATIN}),
        (rb"\/", {Escape.SOLIDUS}),
        (rb"\\\\", {Escape.SLASHED, Escape.ROWS}),
        (rb"\x{4A}", {Escape.BRACED}),
        (rb"\U+004A", {Escape.BRACED}),
        (rb"\0004a ", {Escape.SLASHED, Escape.STYLED}),
        (b"%4A", {Escape.PERCENT}),
        (b"%u004A", {Escape.PERCENT}),
        (b"&#7;", {Escape.REFERENCE}),
        (b"&eacute;", {Escape.REFERENCE}),
        (b"% & \\ &; &a; \\q 50%", set()),
    ],
)
def test_what_may_be_escaped_is_seen(escaped: bytes, kinds: set[Escape]) -> None:
    assert HINTS.escapes(b"before " + escaped + b" after") == kinds


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("%25253Cb%25253E", "<b>"),
        (r"\\\\\\\\u0041", "A"),
        ("&amp;amp;#65;", "A"),
        ("s\u200be\u00adc\u2060r\ufeffet", "secret"),
        ("\uff53\uff25\uff23\uff11", "sEC1"),
        ("\u0430\u0441\u0435", "ace"),
        ("\U0001d400\u24d0\u2460", "Aa1"),
        ("a\u2010b\u2212c", "a-b-c"),
        ("\U000e0073\U000e0065", "se"),
        ("s\0e\0c\0r\0e\0t\0", "secret"),
        ("name\0\0\0\0value", "name\nvalue"),  # what an archive pads is not glued together
        ("s\0\0\0e\0\0\0c\0\0\0", "sec"),
        ("s\x1b[1;31me\x1b[0Kc\x1b[mret", "secret"),
        ("name\0value and more of it", "name\nvalue and more of it"),
        ("nothing to undo: stra\u00dfe, \u4f60\u597d, \ud55c", "nothing to undo: stra\u00dfe, \u4f60\u597d, \ud55c"),
        ("s\u00e9\u010dr\u1ebdt", "secret"),
    ],
)
def test_a_reader_has_plain_text(text: str, read: str) -> None:
    assert plain(text.encode(), HINTS).decode() == read


def test_what_needs_nothing_is_given_back_as_it_is() -> None:
    """Callers tell by that whether there is a second text to look at."""
    for data in (b"words", "stra\u00dfe".encode(), b"", b"\xff\xfe\xfd"):
        assert plain(data, HINTS) is data


def test_letters_are_folded_in_a_text_with_many_of_them_and_in_bytes_that_are_none() -> None:
    wide = "".join(map(chr, range(0xFF21, 0xFF3B)))
    assert folded(wide.encode()) == bytes(range(65, 91))
    assert folded(b"\xff" + "\uff21".encode() + b"\xfe") == b"\xffA\xfe"
    for noise in (bytes(range(256)) * 8, random.Random(5).randbytes(4000)):
        assert folded(noise) is noise
    strewn = random.Random(5).randbytes(400) + "\uff33\uff45\u200b".encode() * 40
    assert b"SeSeSe" in folded(strewn)
    controls = b"\x01 words " * 40
    assert folded(controls + "\uff21".encode()) == controls + b"A"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"caf=C3=A9 and =41=3D", b"caf\xc3\xa9 and A="),
        (b"soft =\r\nbreaks =41", b"soft breaks A"),
        (b"no equals sign", b""),
        (b"a = b", b""),
    ],
)
def test_quoted_printable(text: bytes, read: bytes) -> None:
    assert quoted_printable(text) == read


def test_quoted_printable_is_read_around_what_looks_like_it() -> None:
    """Not in all of a long text: its other parts have equals signs of their own."""
    far = b"x=41 " * 1 + b"-" * 3000 + b" y=42"
    read = quoted_printable(far)
    assert b"xA " in read
    assert read.endswith(b" yB")
    assert len(read) < 800


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"a +AHMAZQBjAHIAZQB0- b", b"secret"),
        (b"+AHMAZQBj and +AHIAZQB0-", b"sec\nret"),
        (b"+QUJDREVGRw==", b""),
        (b"+AHNOAE4AAGU-", b""),  # of four characters two of ours are too few to tell
        (b"+AHMAZdg9AGMAcg-", b"secr"),  # half of a character is none
        (b"1 + 1", b""),
    ],
)
def test_seven_bits(text: bytes, read: bytes) -> None:
    assert seven_bits(text) == read


def test_bytes_that_were_escaped_one_by_one() -> None:
    assert unescaped(rb"\x1f\x8b\x08") == b"\x1f\x8b\x08"
    assert unescaped(b"%1f%8b%08") == b"\x1f\x8b\x08"
    assert unescaped(rb"%5Cx1f%5Cx8b") == b"\x1f\x8b"
    assert unescaped(b"\\x41") == b""
    assert unescaped(b"\xff\\x8b") == b""


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("'s', 'e', 'c', 'r', 'e', 't', '1', '2', '3', '4', '5', '6'", [b"secret123456"]),
        ('"s"+"e"+"c"+"r"+"e"+"t"+"1"+"2"+"3"+"4"+"5"+"6"', [b"secret123456"]),
        ("'s', 'e', 'c', 'r', 'e', 't'", []),
    ],
)
def test_characters_of_lists_are_put_together(text: str, read: list[bytes]) -> None:
    assert list(listed(f"x = [{text}]".encode())) == read


def test_literals_that_are_added_are_put_together() -> None:
    assert b'"secret"' in b"|".join(added(b'x = "sec" + "ret"'))
    assert b"'secret'" in b"|".join(added(b"x = 'se' +\n    'c' + 'ret'"))
    far = b'"sec" + "ret"' + b"-" * 500 + b'"to" + "ken"'
    near = [part for part in added(far) if b"secret" in part or b"token" in part]
    assert [part.strip(b"-") for part in near] == [b'"secret"', b'"token"']
    assert all(90 <= len(part) <= 110 for part in near)

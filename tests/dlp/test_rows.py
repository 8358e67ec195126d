"""Rows of encoded characters within a text: where they begin and end, and what they are told from."""

import base64
import random
import textwrap

import pytest

from bottle.domain.dlp.bases import SHORTEST64, Decoder64, from_base64
from bottle.domain.dlp.fives import QUOTE, from_runs
from bottle.domain.dlp.hints import Encoding, Hints
from bottle.domain.dlp.layouts import Layouts
from bottle.domain.dlp.numbers import from_numbers
from bottle.domain.dlp.runs import decoded, punctuated
from bottle.domain.dlp.telling import LONG, is_text
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import Spelling
from tests.dlp.spelled import ONE_STEP

HINTS = Hints.by(Vectorscan())
TEXT = b"some plain text, long enough to be told from noise by its first characters"
Z85 = bytes.maketrans(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)
FIVES: dict[str, Spelling] = {
    "ascii85": base64.a85encode,
    "base85": base64.b85encode,
    "Z85": lambda data: base64.b85encode(data).translate(Z85),
}
PACKED = (
    b"\x1f\x8b\x08\0",
    b"x\x9c",
    b"x\xda",
    b"x\x01",
    b"x^",
    b"\x28\xb5\x2f\xfd",
    b"BZh9",
    b"\xfd7zX",
    b"PK\x03\x04",
)
NOISE = random.Random(11).randbytes(60)


def _fives(data: bytes) -> list[bytes]:
    return list(from_runs(data, [0]))


@pytest.mark.parametrize("name", FIVES)
def test_base85_is_read_up_to_a_sign_that_is_none_of_it(name: str) -> None:
    """What is behind it, be it a quotation mark or a bracket, must not cost a long run its end."""
    data = TEXT * 90 + b"!!"
    ends = {"ascii85": b"~>", "base85": b"'", "Z85": b"',"}[name]
    assert data in _fives(FIVES[name](data) + ends)


@pytest.mark.parametrize("name", FIVES)
def test_groups_of_five_that_are_no_text_throughout_are_no_base85(name: str) -> None:
    """Any long word can be read as base85; what would come of it is noise, and each look at noise costs time."""
    for group in (b"ab\xff\xff", b"a\xff\0\0", b"\xffabc"):
        assert _fives(FIVES[name](TEXT[:8] + group * 6)) == []
    assert _fives(b"https://example.com/a/path/of/some-length?with=a&query=b") == []


@pytest.mark.parametrize("head", [*PACKED, b"\xff\xfe", b"\xfe\xff"])
@pytest.mark.parametrize("name", FIVES)
def test_base85_of_what_is_packed_is_read_though_it_is_no_text(name: str, head: bytes) -> None:
    packed = head + NOISE[: 40 - len(head)]
    assert packed in _fives(FIVES[name](packed).replace(b'"', QUOTE))


def test_quotation_marks_within_base85_are_those_that_are_escaped() -> None:
    encoded = base64.a85encode(b"14 " + TEXT)
    assert b'"' in encoded
    in_json = b'{"data": "' + encoded.replace(b'"', b'\\"') + b'"}'
    assert any(TEXT[8:] in one for one in punctuated(in_json, HINTS))
    assert any(TEXT[8:] in one for one in _fives(encoded.replace(b'"', QUOTE)))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n    ", b"\r\n\t"])
@pytest.mark.parametrize("before", [b"", b"some words\n", b"data: ", b"A line of words\r\nkey: "])
def test_lines_of_base64_are_read_together_from_the_first_to_the_last(end: bytes, before: bytes) -> None:
    """Each line by itself would say no more than a part of a secret."""
    lines = textwrap.wrap(base64.b64encode(TEXT * 2).decode(), 44)
    text = before + end.join(line.encode() for line in lines) + end + b"-- behind"
    assert any(TEXT * 2 in one for one in decoded(text, (), HINTS))


def test_runs_are_read_in_the_order_in_which_they_stand() -> None:
    """A value of which each part was encoded by itself stands together in what they say."""
    parts = [b"part %d of some text" % number for number in range(30)]
    assert list(decoded(b" ".join(map(base64.b64encode, parts)), (), HINTS)) == parts


def test_several_blocks_of_lines_are_each_read() -> None:
    blocks = [base64.encodebytes(b"%d: " % number + TEXT * 2) for number in range(3)]
    found = b"|".join(decoded(b"and:\n\n".join(blocks), (), HINTS))
    assert all(b"%d: " % number + TEXT * 2 in found for number in range(3))


@pytest.mark.parametrize("glued", [0, 1, 2])
def test_a_short_text_is_given_without_what_was_encoded_beside_it(glued: int) -> None:
    """A pattern knows a token by its beginning, and a letter before that hides it."""
    token = b"tok_Zk93hfQw7LmP2xVb77Ab12Cd"
    found = list(decoded(base64.b64encode(b"ab"[:glued] + token + b"cd"[:glued]), (), HINTS))
    assert token in found
    assert len(found) == len(set(found))


def test_only_short_text_of_letters_is_tried_without_its_ends() -> None:
    """It is nine looks at each: not at what is too short for a secret, or long, or holds words."""
    for text in (b"t" * (SHORTEST64 - 1) + b"u", TEXT, b"Zk93" * (LONG // 4) + b"T"):
        assert list(decoded(base64.b64encode(text), (), HINTS)) == [text]
    assert len(list(decoded(base64.b64encode(b"Zk93" * (LONG // 4)), (), HINTS))) == 9


@pytest.mark.parametrize("before", [b"", b"A", b"AB", b"ABC"])
@pytest.mark.parametrize("head", [*PACKED, b"\x5d\0\0"])
def test_base64_of_what_is_packed_is_read_though_it_is_no_text(head: bytes, before: bytes) -> None:
    packed = head + NOISE
    assert any(one.startswith(head) for one in from_base64(before + base64.b64encode(packed)))


@pytest.mark.parametrize("run", [NOISE.hex().upper(), NOISE.hex(), "internationalization-of-many-words"])
def test_hashes_and_names_are_not_taken_for_noise_in_base64(run: str) -> None:
    assert list(from_base64(run.encode())) == []


@pytest.mark.parametrize("before", [b"", b"A", b"AB", b"ABC"])
def test_base64_in_pieces_is_read_from_where_it_makes_sense(before: bytes) -> None:
    """The place is found with its first characters, and kept for those that follow."""
    encoded = before + base64.b64encode(TEXT * 4)
    decoder = Decoder64()
    read = b"".join(decoder.feed(encoded[at : at + 90])[0] for at in range(0, len(encoded), 90))
    assert TEXT * 3 in read


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.hex().encode(),
        lambda text: text.hex(" ").upper().encode(),
        lambda text: b"f" + text.hex().encode(),
        lambda text: ",".join(map(str, text)).encode(),
        lambda text: " ".join(f"{code:o}" for code in text).encode(),
        lambda text: " ".join(f"0x{code:02x}" for code in text).encode(),
        lambda text: " ".join(f"{code:08b}" for code in text).encode(),
        lambda text: " ".join(f"{code:07b}" for code in text).encode(),
        lambda text: "".join(f"{code:08b}" for code in text).encode(),
        lambda text: "".join(f"\\x{code:02x}" for code in text).encode(),
        lambda text: bytes(code ^ 0x2A for code in text).hex().encode(),
    ],
)
def test_numbers_are_read_as_characters(write: Spelling) -> None:
    assert any(TEXT[:40] in found for found in from_numbers(write(TEXT)))


@pytest.mark.parametrize("text", [b"", b"31", b"0123456789abcdef" * 1 + b"0123", b", ".join([b"999"] * 40)])
def test_few_numbers_or_great_ones_are_no_characters(text: bytes) -> None:
    assert not any(found for found in from_numbers(text) if is_text(found))


def test_sixteen_bytes_are_numbers_enough() -> None:
    """So many has a short secret."""
    assert TEXT[:16] in list(from_numbers(TEXT[:16].hex().encode()))
    assert list(from_numbers(TEXT[:16].hex().encode()[:-1])) == []


def test_what_numbers_say_under_a_key_is_read_however_short_it_is() -> None:
    masked = bytes(code ^ 0x55 for code in TEXT[:18])
    assert TEXT[:18] in list(from_numbers(masked.hex().encode()))


def test_numbers_of_which_a_few_have_two_digits_alone_are_not_read_as_bits() -> None:
    """What came of that is noise; a row that is bits but for its addresses is read."""
    assert b"*" not in list(from_numbers(TEXT.hex(" ").encode() + b" 10 10 10"))
    rows = [" ".join(f"{code:08b}" for code in TEXT[at : at + 6]) for at in range(0, 60, 6)]
    assert any(
        TEXT[:60] in found
        for found in from_numbers("\n".join(f"{at:x}: {row}" for at, row in enumerate(rows, 2)).encode())
    )


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (b"a.b.c.d.e.f.g.h.i.j.k.l.", {Encoding.SPREAD}),
        (b"=41", {Encoding.QUOTED}),
        (b"=C3=A9", {Encoding.QUOTED}),
        (b"+AHMAZQB", {Encoding.SEVEN_BITS}),
        (b"'a' + 'b'", {Encoding.ADDED}),
        (b'"a" +\r\n\t"b"', {Encoding.ADDED}),
        (b"'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ", {Encoding.LISTED}),
        (b"=C3 + =False, 1 + 1, 'a' 'b', a.b.c", set()),
    ],
)
def test_what_may_be_encoded_is_seen(text: bytes, kinds: set[Encoding]) -> None:
    assert HINTS.encodings(text) == kinds


@pytest.mark.parametrize("name", ["xxd", "hexdump", "hexdump -C", "od", "od -d", "od -c", "od -b", "od -tu1"])
def test_a_listing_is_read_amid_a_long_text_and_another(name: str) -> None:
    """Where one stands far behind another, each has its rows; the text between is none."""
    words = b"words, and no rows\n" * 300
    one, other = TEXT.replace(b" ", b"_"), TEXT[::-1].replace(b" ", b"_")
    first, second = ONE_STEP[name](one), ONE_STEP[name](other)
    text = words + first + b"\n" + words + second + b"\n" + words
    read = list(Layouts.by(Vectorscan()).undone(text))
    assert any(one[:40] in part for part in read)
    assert any(other[:40] in part for part in read)
    assert max(map(len, read)) < 8 * len(TEXT)

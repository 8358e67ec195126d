"""A registered value is found in whatever one or several steps make of it, in any surroundings."""

import base64
import gzip
import html
import io
import itertools
import json
import quopri
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dlp.disguised import HIDDEN
from tests.dlp.scanning import OPAQUE, PHRASE, TOKEN, VALUES, Spelling, engine, found
from tests.dlp.spelled import KNOWN_ALONE, ONE_STEP


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ONE_STEP)
def test_a_value_is_found_after_one_step(name: str, value: str) -> None:
    finding = found(b"before it, " + ONE_STEP[name](value.encode()) + b" and behind")
    assert finding is not None
    assert finding.rule == "dlp.value"
    assert value not in repr(finding)


def test_a_value_of_several_lines_is_found_under_characters_that_nobody_sees() -> None:
    """A line's end has a variation selector of the other kind, those of the bytes below sixteen."""
    lines = f"{OPAQUE[:14]}\n{OPAQUE[14:]}"
    assert found(HIDDEN["variation selectors"](lines.encode()), by=engine(values=(lines,))) is not None


@pytest.mark.parametrize("signs", [("dash", "underscore"), ("hyphen", "underscore"), ("-", "_")])
@pytest.mark.parametrize("letters", ["alpha juliet", "alfa juliett", "ALFA JULIETT"])
def test_a_value_is_found_as_it_is_said(signs: tuple[str, str], letters: str) -> None:
    """Nobody spells all of it in one way: some leave out what joins the words, or keep to the spelling of the list."""
    alpha, juliet = letters.split()
    words = (
        "alpha",
        "juliet",
        "seven",
        "dash",
        "kilo",
        "underscore",
        "zero",
        "quebec",
        "nine",
        "dash",
        "zulu",
        "tango",
    )
    said = {"alpha": alpha, "juliet": juliet, "dash": signs[0], "underscore": signs[1]}
    spoken = " ".join(said.get(word, word) for word in words)
    assert found(spoken.encode(), by=engine(values=("aj7-K_0q9-Zt",))) is not None


def test_a_token_in_morse_is_found() -> None:
    """Most begin with small letters, which Morse does not have."""
    finding = found(ONE_STEP["Morse"](TOKEN.lower().encode()), by=engine(patterns=True))
    assert finding is not None
    assert finding.rule == "dlp.test-token"


# The steps that leave text which can be turned into something else again.
_STEPS = {
    name: step
    for name, step in ONE_STEP.items()
    if name
    in ("base64", "base64 for URLs, no padding", "base32", "base85", "hexadecimal", "hexadecimal with colons",
        "backslash x", "backslash u", "percent", "percent, twice", "decimal references", "quoted-printable",
        "decimal codes", "UTF-16", "full width", "zero-width spaces between", "gzip", "zlib", "xz", "zstd")
}  # fmt: skip


_OF_CHARACTERS = {"backslash u", "decimal references", "UTF-16", "full width", "zero-width spaces between"}
_PACKINGS = {"gzip", "zlib", "xz", "zstd"}
_WIDE = {"full width", "zero-width spaces between"}
_PAIRS = [
    (first, second)
    for first, second in itertools.product(_STEPS, repeat=2)
    if not (first in _PACKINGS and second in _OF_CHARACTERS)  # what is packed has no characters
    and not (first in _WIDE and second == "base85")  # base85 is read where it begins with ASCII
    and (first, second) != ("full width", "UTF-16")
]


@pytest.mark.parametrize("steps", _PAIRS, ids="+".join)
def test_a_value_is_found_after_two_steps(steps: tuple[str, str]) -> None:
    data = OPAQUE.encode()
    for step in steps:
        data = _STEPS[step](b"(" + data + b")" if data.isascii() else data)
    assert found(data) is not None


def test_digits_that_look_like_a_prefix_are_digits_within_a_row() -> None:
    """`0b` and `0x` open a number; among hexadecimal digits the former is a byte, whatever stands between."""
    packed = gzip.compress(OPAQUE.encode(), mtime=0x110B0B0B)
    for written in (packed.hex(), packed.hex(":"), packed.hex(" ", 2), packed.hex(" ", 4)):
        assert "0b" in written
        assert found(written.encode()) is not None


@pytest.mark.parametrize("times", [3, 4, 5])
def test_a_value_is_found_in_base64_of_base64(times: int) -> None:
    data = OPAQUE.encode()
    for _ in range(times):
        data = base64.b64encode(data)
    assert found(json.dumps({"text": data.decode()}).encode()) is not None


def test_what_is_encoded_without_end_is_refused_not_passed() -> None:
    data = b"nothing secret in here, but it is never seen"
    for _ in range(12):
        data = base64.b64encode(data)
    finding = found(data)
    assert finding is not None
    assert finding.rule == "dlp.depth"
    assert finding.what == "content that is encoded more often than is looked into"
    assert finding.via == ("an encoding",) * 8


@pytest.mark.parametrize(
    "text", [b"name = kind + '-' + \\\n" + 24 * b" " + b"':'.join(parts)", b"a = '-' +" + 40 * b" " + b"'x'"]
)
def test_text_that_decodes_to_itself_is_not_decoded_without_end(text: bytes) -> None:
    """What looks as if something could be undone, and stays as it is: program text, found in the standard library."""
    assert found(text) is None


@pytest.mark.parametrize("encode", [base64.a85encode, base64.b85encode])
@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("number", range(8))
def test_what_is_packed_in_base85_is_found(encode: Callable[[bytes], bytes], level: int, number: int) -> None:
    """Whatever follows the packing's first two bytes, which say no more than the first of its signs for sure."""
    packed = encode(zlib.compress(f"{number * 'x'} {TOKEN}".encode(), level))
    finding = found(json.dumps({"data": packed.decode()}).encode(), by=engine(patterns=True))
    assert finding is not None
    assert finding.rule == "dlp.test-token"


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_a_value_is_found_in_which_letters_beyond_ascii_alone_are_quoted(codec: str) -> None:
    value = "Zürich-Straße-9481-tör"
    quoted = quopri.encodestring(value.encode(codec))
    assert found(b"Subject: " + quoted + b"\n", by=engine(values=(value,))) is not None


@pytest.mark.parametrize("around", [0, 20_000])
@pytest.mark.parametrize("scripts", ["", "".join(map(chr, range(0xFF21, 0xFF5B)))])
def test_look_alikes_are_told_among_few_and_many_other_letters(scripts: str, around: int) -> None:
    """Text is walked through in one way or another by how much in it is to be replaced."""
    text = scripts.encode() + around * b"." + ONE_STEP["look-alikes"](PHRASE.encode()) + around * b"."
    assert found(text) is not None


PATTERNED = {
    name: step
    for name, step in ONE_STEP.items()
    if name not in KNOWN_ALONE
    and name
    not in ("bullets between", "upper case", "letters in boxes", "letters on flags",
            "base58", "look-alikes", "reversed", "base64, reversed", "reversed, base64", "rot13", "rot47",
            "a dump", "uuencode", "base45", "base32hex", "dots between", "spaces between", "ascii85 one byte later")
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNED)
def test_what_only_a_pattern_knows_is_found_behind_encodings(name: str) -> None:
    """A pattern needs the plain text, so only what can be undone without knowing the value."""
    finding = found(b"before it, " + PATTERNED[name](TOKEN.encode()) + b" and behind", by=engine(patterns=True))
    assert finding is not None
    assert finding.rule == "dlp.test-token"
    assert TOKEN not in repr(finding)


@pytest.mark.parametrize(
    "text",
    [
        f'["{chr(34).join(TOKEN).replace(chr(34), chr(34) + ", " + chr(34))}"]',
        "x = '" + "' + '".join((TOKEN[:5], TOKEN[5:11], TOKEN[11:])) + "'",
        f'call("{TOKEN[:9]}" +\n        "{TOKEN[9:]}")',
        json.dumps({"code": f'a = "{TOKEN[:9]}"+"{TOKEN[9:]}"'}),
    ],
)
def test_what_program_text_puts_together_is_found_by_patterns(text: str) -> None:
    assert found(text.encode(), by=engine(patterns=True)) is not None


@pytest.mark.parametrize(
    "text",
    [
        ".".join(TOKEN),
        "see " + " ".join(TOKEN) + " there",
        "    "
        + base64.encodebytes(f"{'a line before it and more ' * 4}{TOKEN} and after".encode())
        .decode()
        .replace("\n", "\n    "),
        base64.encodebytes(f"{'a line before it and more ' * 4}{TOKEN} and after".encode())
        .decode()
        .replace("\n", "\r\n"),
        base64.b64encode(b"ab" + TOKEN.encode()).decode(),
        base64.b64encode(TOKEN.encode() + b"ab").decode(),
        TOKEN.swapcase().replace("TOK_", "tok_").swapcase(),
    ],
    ids=["dots", "spaces", "indented lines", "lines of Windows", "glued before", "glued behind", "swapped"],
)
def test_what_leaves_a_token_apart_is_undone_for_patterns(text: str) -> None:
    assert found(text.encode(), by=engine(patterns=True)) is not None


def _zip(value: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"some text" * 99)
        archive.writestr("b.txt", value)
    return file.getvalue()


def _tar(value: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/config")
        entry.size = len(value)
        archive.addfile(entry, io.BytesIO(value))
    return file.getvalue()


def _part(value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + value + b"\r\n--b--\r\n"


CARRIERS: dict[str, Spelling] = {
    "an archive": _zip,
    "a packed archive": _tar,
    "a package in JSON": lambda value: json.dumps({"data": base64.b64encode(_tar(value)).decode()}).encode(),
    "a multipart file": lambda value: _part(_zip(value)),
    "a form": lambda value: urllib.parse.urlencode({"a": b"x", "b": value}).encode(),
    "JSON in JSON in JSON": lambda value: json.dumps({"a": json.dumps({"b": json.dumps([value.decode()])})}).encode(),
    "HTML": lambda value: html.escape(f"<p title='{value.decode()}'>").encode(),
    "a mail": lambda value: quopri.encodestring(b"Gr\xc3\xbc\xc3\x9fe, " + value),
    "a data URL": lambda value: b"data:text/plain;base64," + base64.b64encode(value),
    "basic credentials": lambda value: b"Basic " + base64.b64encode(b"user:" + value),
    "program text": lambda value: b'token = "' + value[:9] + b'" + "' + value[9:] + b'"',
    "a path": lambda value: b"/" + b"/".join(value[at : at + 5] for at in range(0, len(value), 5)),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_a_value_is_found_in_what_carries_it(name: str) -> None:
    assert found(CARRIERS[name](OPAQUE.encode())) is not None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(VALUES), st.sampled_from(sorted(_STEPS)), st.binary(max_size=60))
def test_no_surroundings_hide_a_value(before: bytes, value: str, step: str, after: bytes) -> None:
    """Whatever stands around what was encoded, a separator on each side given, it is found."""
    assert found(before + b" " + _STEPS[step](b" " + value.encode() + b" ") + b" " + after) is not None


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br", "identity"])
def test_content_is_unpacked_as_its_headers_say(coding: str) -> None:
    pack: dict[str, Spelling] = {
        "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
        "zstd": zstandard.ZstdCompressor().compress, "identity": bytes,
    }  # fmt: skip

    def packed(text: bytes) -> bytes:
        for one in coding.split(", "):
            text = pack[one](text)
        return text

    assert found(packed(b"x" * 9000 + OPAQUE.encode()), coding=coding) is not None
    assert found(packed(b"x" * 9000), coding=coding) is None

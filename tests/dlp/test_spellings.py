"""A registered value is found in whatever one or several steps make of it, in any surroundings."""

import base64
import bz2
import codecs
import gzip
import html
import io
import itertools
import json
import lzma
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

from tests.dlp.scanning import OPAQUE, TOKEN, VALUES, Spelling, engine, found


def _each(form: str) -> Spelling:
    return lambda value: b"".join((form % code).encode() for code in value)


def _characters(form: str) -> Spelling:
    """Each character of UTF-8, or each byte of what is none."""
    return lambda value: "".join(form % ord(character) for character in _text(value)).encode()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _between(separator: str) -> Spelling:
    return lambda value: separator.join(_text(value)).encode()


def _wrapped(value: bytes) -> bytes:
    text = base64.b64encode(b"a line before it: " + value + b" and after")
    return b"\r\n".join(text[at : at + 19] for at in range(0, len(text), 19))


def _wide(value: bytes) -> bytes:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in _text(value)).encode()


def _alike(value: bytes) -> bytes:
    return value.decode().translate(str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")).encode()


def _base58(value: bytes) -> bytes:
    number, digits = int.from_bytes(value), ""
    while number:
        number, digit = divmod(number, 58)
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + digits
    return digits.encode()


def _base45(value: bytes) -> bytes:
    """RFC 9285 4, straight from its text."""
    alphabet, written = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", bytearray()
    for at in range(0, len(value), 2):
        pair = value[at : at + 2]
        number = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            written.append(alphabet[digit])
    return bytes(written)


ONE_STEP: dict[str, Spelling] = {
    "as it is": bytes,
    "upper case": bytes.upper,
    "swapped case": bytes.swapcase,
    "base64": base64.b64encode,
    "base64 one byte later": lambda value: base64.b64encode(b"x" + value + b"yy"),
    "base64 two bytes later": lambda value: base64.b64encode(b"xx" + value),
    "base64 for URLs, no padding": lambda value: base64.urlsafe_b64encode(value).rstrip(b"="),
    "base64, wrapped": _wrapped,
    "base64 of UTF-16": lambda value: base64.b64encode(_text(value).encode("utf-16-le")),
    "base32": base64.b32encode,
    "base32 three bytes later, lower case": lambda value: base64.b32encode(b"abc" + value).lower().rstrip(b"="),
    "base32hex": base64.b32hexencode,
    "base85": base64.b85encode,
    "ascii85": base64.a85encode,
    "ascii85 one byte later": lambda value: base64.a85encode(b"x" + value),
    "base45": lambda value: _base45(value),
    "uuencode": lambda value: codecs.encode(value, "uu"),
    "base58": _base58,
    "hexadecimal": lambda value: value.hex().encode(),
    "hexadecimal, upper case": lambda value: value.hex().upper().encode(),
    "hexadecimal with colons": lambda value: value.hex(":").encode(),
    "hexadecimal with spaces": lambda value: value.hex(" ", 2).encode(),
    "hexadecimal with 0x": lambda value: ", ".join(hex(code) for code in value).encode(),
    "backslash x": _each("\\x%02x"),
    "backslash u": _characters("\\u%04x"),
    "backslash u in braces": _characters("\\u{%x}"),
    "octal": _each("\\%03o"),
    "a dump": lambda value: "\n".join(
        f"{at:08x}  {value[at : at + 16].hex(' ')}" for at in range(0, len(value), 16)
    ).encode(),
    "percent": _each("%%%02x"),
    "percent, twice": _each("%%25%02X"),
    "percent u": _characters("%%u%04x"),
    "decimal references": _characters("&#%d;"),
    "hexadecimal references": _characters("&#x%x;"),
    "quoted-printable": _each("=%02X"),
    "decimal codes": lambda value: ", ".join(map(str, value)).encode(),
    "octal codes": lambda value: " ".join(f"{code:o}" for code in value).encode(),
    "binary codes": lambda value: " ".join(f"{code:08b}" for code in value).encode(),
    "UTF-7": lambda value: b"+" + base64.b64encode(_text(value).encode("utf-16-be")).rstrip(b"=") + b"-",
    "UTF-16": lambda value: _text(value).encode("utf-16"),
    "UTF-16, other order": lambda value: _text(value).encode("utf-16-be"),
    "UTF-32": lambda value: _text(value).encode("utf-32"),
    "full width": _wide,
    "look-alikes": _alike,
    "reversed": lambda value: value[::-1],
    "base64, reversed": lambda value: base64.b64encode(value)[::-1],
    "reversed, base64": lambda value: base64.b64encode(value[::-1]),
    "rot13": lambda value: codecs.encode(value.decode(), "rot13").encode(),
    "rot47": lambda value: bytes(33 + (code - 33 + 47) % 94 for code in value),
    "dots between": _between("."),
    "spaces between": _between(" "),
    "zero-width spaces between": _between("\u200b"),
    "soft hyphens between": _between("\u00ad"),
    "zero bytes between": _between("\0"),
    "escaped zero bytes between": _between("\\u0000"),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda value: zstandard.ZstdCompressor().compress(value),
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ONE_STEP)
def test_a_value_is_found_after_one_step(name: str, value: str) -> None:
    finding = found(b"before it, " + ONE_STEP[name](value.encode()) + b" and behind")
    assert finding is not None
    assert finding.rule == "dlp.value"
    assert value not in repr(finding)


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
    """`0b` and `0x` open a number; in the middle of a row of hexadecimal digits the former is a byte like others."""
    packed = gzip.compress(OPAQUE.encode(), mtime=0x0B0B0B0B)
    assert b"0b0b" in packed.hex().encode()
    assert found(packed.hex().encode()) is not None


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


PATTERNED = {
    name: step
    for name, step in ONE_STEP.items()
    if name
    not in ("upper case", "base58", "look-alikes", "reversed", "base64, reversed", "reversed, base64", "rot13", "rot47",
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

"""What is looked for of a value, each spelling by itself: where content is decoded, too, one way may hide another."""

import base64
import codecs

import pytest

from bottle.domain.dlp.skeleton import skeleton
from bottle.domain.dlp.spellings import Registered, is_telling, skeletons
from tests.dlp.scanning import OPAQUE, PHRASE, Spelling, engine
from tests.dlp.spelled import base45, base58

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_XX = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def _each(form: str) -> Spelling:
    return lambda value: b"".join((form % code).encode() for code in value)


def _bits(count: int) -> Spelling:
    return lambda value: "".join(f"{code:0{count}b}" for code in value).encode()


def _named(name: str) -> Spelling:
    return lambda value: "".join(name + chr(code) for code in value).encode()


def _further(by: int) -> Spelling:
    return lambda value: bytes(code + by for code in value)


WHOLE: dict[str, Spelling] = {
    **{form: _each(form) for form in ("%02x", "%d", "%03d", "%o", "%03o", "x%02x", "0x%02x", "0x%x", "\\u00%02x")},
    **{form: _each(form) for form in ("U+0000%02x", "%02xh", "chr(%d)", "CHAR(%d)", "char 0x%02x", "0o%o", "\\0%o")},
    **{form: _each(form) for form in ("16#%02x", "\\x%02X")},
    "7 bits": _bits(7),
    "8 bits": _bits(8),
    "bits with 0b": lambda value: b"".join(f"0b{one:08b}".encode() for one in value),
    "base58": base58,
    "one number": lambda value: str(int.from_bytes(value)).encode(),
    "one octal number": lambda value: f"{int.from_bytes(value):o}".encode(),
    "pairs swapped": lambda value: bytes(value[at ^ 1] for at in range(len(value))),
    "rot13": lambda value: codecs.encode(value.decode(), "rot13").encode(),
    "twice": lambda value: b"".join(bytes((one, one)) for one in value),
    "three times": lambda value: b"".join(bytes((one,)) * 3 for one in value),
    **{f"{name} before each": _named(name) for name in ("c", "char", "x", "v")},
    **{f"codes {by} further": _further(by) for by in (1, 2, 3, -1, -2, -3)},
}  # fmt: skip
LINES = b"first line, 4821\nsecond line.778"
INSIDE: dict[str, tuple[Spelling, int, int]] = {
    "base64": (base64.b64encode, 3, 2),
    "uuencode": (
        lambda value: base64.b64encode(value).translate(bytes.maketrans(_ALPHABET, bytes(range(32, 96)))),
        3,
        2,
    ),
    "xxencode": (lambda value: base64.b64encode(value).translate(bytes.maketrans(_ALPHABET, _XX)), 3, 2),
    "base32": (base64.b32encode, 5, 4),
    "base32hex": (base64.b32hexencode, 5, 4),
    "Crockford's": (lambda value: base64.b32encode(value).translate(bytes.maketrans(_32, _CROCKFORD)), 5, 4),
    "ascii85": (base64.a85encode, 4, 10),
    "base85": (base64.b85encode, 4, 10),
    "Z85": (lambda value: base64.b85encode(value).translate(bytes.maketrans(_85, _Z85)), 4, 10),
    "base45": (base45, 2, 6),
}
"""Encodings in groups: how long these are, and how many characters at both ends hold more than the value."""


@pytest.mark.parametrize("name", WHOLE)
def test_a_spelling_of_the_whole_value_is_looked_for(name: str) -> None:
    for value in (OPAQUE.encode(), PHRASE.encode(), LINES):
        assert skeleton(WHOLE[name](value)) in skeletons(value)


@pytest.mark.parametrize("way", [1, -1], ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", INSIDE)
def test_an_encoding_is_looked_for_wherever_in_a_group_the_value_begins(name: str, way: int) -> None:
    encode, size, loose = INSIDE[name]
    for before in range(size):
        encoded = encode(b"-+-+-"[:before] + OPAQUE.encode()[::way] + b"+-+-+-"[: -(before + len(OPAQUE)) % size])
        bones = [one for one in skeletons(OPAQUE.encode()) if one in skeleton(encoded)]
        assert max(map(len, bones), default=0) >= len(skeleton(encoded[2 * before :])) - 2 * loose


def test_of_a_long_value_each_slice_is_looked_for() -> None:
    value = "".join(f"{number:04}-{number * 7919:x}." for number in range(40)).encode()
    assert skeletons(value[:128]) == skeletons(value[:64]) | skeletons(value[64:128])
    assert skeletons(value[:127]) >= {skeleton(value[:127])}
    assert not skeletons(value[:130]) & {skeleton(value[64:130]), skeleton(value[1:65])}
    assert skeletons(value[:150]) == skeletons(value[:128])  # what is left over says less than a slice


def test_a_row_of_few_letters_tells_when_it_is_long() -> None:
    """A short one is in many files."""
    assert is_telling(b"ab" * 32)
    assert not is_telling(b"ab" * 31)
    assert not is_telling(b"abcd" * 4)
    assert is_telling(b"abcde" * 2)
    assert not is_telling(b"abcdefghi")


@pytest.mark.parametrize(
    ("data", "bones"), [(b"A-z_0\x80\xc3\xa9 9", b"az09"), (bytes(range(128, 256)), b""), (b"", b"")]
)
def test_a_skeleton_is_letters_and_digits_of_ascii(data: bytes, bones: bytes) -> None:
    assert skeleton(data) == bones


def test_nothing_that_is_printed_holds_a_value() -> None:
    """Neither a log nor an exception that names one of them."""
    by = engine(values=(OPAQUE,))
    for printed in map(repr, (by, by.values, Registered("NAME", OPAQUE.encode()))):
        assert not any(OPAQUE[at : at + 4] in printed for at in range(len(OPAQUE) - 3))
        assert OPAQUE.encode().hex() not in printed

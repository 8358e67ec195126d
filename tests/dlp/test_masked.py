"""What one line of a shell makes of a value so that no text is left to read: masks, bare packings, strewn letters."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from itertools import cycle

import brotli
import pytest

from bottle.domain.dlp.cuts import Cuts
from bottle.domain.dlp.masks import Masks, differences
from bottle.domain.dlp.strewn import Strewn
from sidecars.scanner.literals import Vectorscan
from tests.dlp.scanning import HEXADECIMAL, OPAQUE, PHRASE, TOKEN, UUID, Spelling, engine, found

NOISE = random.Random(11).randbytes(4096)
CONTEXT = b"some lines of context that stand before it, as they do in a file; " * 4


def _xor(key: bytes) -> Spelling:
    return lambda value: bytes(code ^ other for code, other in zip(value, cycle(key), strict=False))


def _raw(value: bytes) -> bytes:
    return zlib.compress(value, wbits=-15)


def _small_window(value: bytes) -> bytes:
    packing = zlib.compressobj(wbits=9)
    return packing.compress(value) + packing.flush()


def _halves_swapped(value: bytes) -> bytes:
    return bytes((code << 4 | code >> 4) & 255 for code in value)


def _bits_turned(value: bytes) -> bytes:
    return bytes(int(f"{code:08b}"[::-1], 2) for code in value)


MASKS: dict[str, Spelling] = {
    "a key that leaves text": _xor(b"\x01"),
    "a key of one byte": _xor(b"\x5a"),
    "a key beyond ASCII": _xor(b"\xc3"),
    "a word for a key": _xor(b"key"),
    "a key of eight bytes": _xor(bytes(range(200, 208))),
    "EBCDIC": lambda value: value.decode().encode("cp037"),
    "halves swapped": _halves_swapped,
    "bits in the opposite order": _bits_turned,
}
PACKINGS: dict[str, Spelling] = {
    "brotli": brotli.compress,
    "bare deflate": _raw,
    "zlib with a small window": _small_window,
    "gzip without its head": lambda value: gzip.compress(value)[10:],
}
CARRIERS: dict[str, Spelling] = {
    "base64": base64.b64encode,
    "base64 for URLs behind a path": lambda data: b"/v1/" + base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 in a form": lambda data: b"data=" + base64.b64encode(data),
    "hexadecimal": lambda data: data.hex().encode(),
    "a list of numbers": lambda data: json.dumps(list(data)).encode(),
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", MASKS)
def test_a_value_under_a_mask_is_found_in_what_carries_bytes(name: str, carrier: str) -> None:
    for value in (OPAQUE, UUID, PHRASE):
        assert found(CARRIERS[carrier](MASKS[name](value.encode()))) is not None, value


@pytest.mark.parametrize("name", MASKS)
def test_in_bytes_that_are_no_text_it_is_found_as_they_are(name: str) -> None:
    masked = MASKS[name](OPAQUE.encode())
    assert found(NOISE[:500] + masked + NOISE[500:900]) is not None
    assert found(NOISE[:500] + masked[: len(masked) // 2] + NOISE[500:900]) is None


def test_in_long_noise_keys_of_one_byte_are_looked_for() -> None:
    noise = random.Random(12).randbytes(60_000)
    assert found(noise + _xor(b"\xc3")(OPAQUE.encode()) + noise) is not None
    assert found(noise + noise) is None


@pytest.mark.parametrize("key", [b"\x01", b"\x5a", b"\xc3"])
def test_tokens_that_makers_open_in_their_way_are_found_under_a_key(key: bytes) -> None:
    by = engine(patterns=True)
    secret = b"ghp_ " + TOKEN.encode()  # the stand-in for patterns knows the second, the mask is told by the first
    assert found(base64.b64encode(_xor(key)(secret)), by=by) is not None
    assert found(base64.b64encode(_xor(key)(b"of no interest " + TOKEN[4:].encode())), by=by) is None


def test_of_several_masked_tokens_each_is_undone() -> None:
    """The first may be none, and lie far before the one that is."""
    masks = Masks.of([], Vectorscan())
    masked = _xor(b"\x5a")(b"ghp_ " + b"x" * 3000 + b"ghp_ " + TOKEN.encode())
    assert [part[:5] == b"ghp_ " for part in masks.undone(masked)] == [True, False]
    assert sum(TOKEN.encode() in part for part in masks.undone(masked)) == 1


def test_ten_characters_more_than_the_key_are_enough_and_fewer_are_not() -> None:
    for length, key in ((11, b"\x5a"), (14, b"\x5a\x01\xf3\x77")):
        value = OPAQUE[:length]
        found_by = [Masks.of([one.encode()], Vectorscan()).find(_xor(key)(one.encode())) for one in (value, value[:-1])]
        assert found_by == [[0], []]


@pytest.mark.parametrize("value", ["482910376152", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "short-one"])
def test_what_pictures_are_full_of_is_looked_for_under_no_mask(value: str) -> None:
    """Rows of digits and repetitions differ by little, as neighbouring points do."""
    masked = _xor(b"\x77")(value.encode())
    assert Masks.of([value.encode()], Vectorscan()).find(NOISE[:64] + masked) == []
    assert Masks.of([OPAQUE.encode()], Vectorscan()).find(_xor(b"\x77")(OPAQUE.encode())) != []


def test_differences_do_not_depend_on_the_key() -> None:
    data = b"a text under any key"
    assert {differences(bytes(code ^ key for code in data), 1) for key in range(256)} == {differences(data, 1)}
    assert differences(b"\x01\x03\x03", 1) == b"\x02\x80"
    assert differences(b"\x01\x03\x07", 2) == b"\x06"
    assert differences(b"", 1) == b""


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", PACKINGS)
def test_packings_that_begin_like_anything_are_undone_in_what_carries_bytes(name: str, carrier: str) -> None:
    by = engine(patterns=True)
    for secret in (OPAQUE, TOKEN):
        packed = CARRIERS[carrier](PACKINGS[name](CONTEXT + secret.encode() + b"\n"))
        assert found(b'{"text": "' + packed + b'"}', by=by) is not None, secret
        assert found(packed + b" and " + CARRIERS[carrier](NOISE[:80]), by=by) is not None, secret
    assert found(CARRIERS[carrier](PACKINGS[name](CONTEXT)), by=by) is None


@pytest.mark.parametrize("between", ["x", "7", "xy", "0-1", "-q-"])
@pytest.mark.parametrize("value", [OPAQUE, HEXADECIMAL, UUID, PHRASE])
def test_a_value_with_letters_strewn_in_is_found(value: str, between: str) -> None:
    assert found(b"notes: " + between.join(value).encode() + b" end") is not None
    assert found(b"notes: " + between.join(value[:-1]).encode() + b" end") is None


def test_a_sign_before_the_first_letter_moves_nothing() -> None:
    """Signs leave nothing in a skeleton, but what is strewn in beside them does."""
    value = "--" + OPAQUE
    assert Strewn.of([value.encode()], Vectorscan()).find("x".join(value).lower().replace("-", "").encode()) == {0}


def test_whatever_letters_they_are() -> None:
    chosen = random.Random(3)
    strewn = "".join(one + chosen.choice("abcdefghij0123") for one in OPAQUE)
    assert Strewn.of([b"x" * 20, OPAQUE.encode()], Vectorscan()).find(strewn.lower().encode()) == {1}


CUT: dict[str, Callable[[str], str]] = {
    "variables": lambda value: "\n".join(f"part{at} = {value[at : at + 7]!r}" for at in range(0, len(value), 7)),
    "cookies": lambda value: "; ".join(f"c{at}={value[at : at + 8]}" for at in range(0, len(value), 8)),
    "events": lambda value: "\n\n".join(f"data: {value[at : at + 5]}" for at in range(0, len(value), 5)),
    "fields": lambda value: json.dumps({f"p{at}": value[at : at + 4] for at in range(0, len(value), 4)}),
    "unequal": lambda value: f"a={value[:9]};b={value[9:15]};c={value[15:]}",
}


@pytest.mark.parametrize("name", CUT)
def test_words_that_were_cut_up_are_found(name: str) -> None:
    assert found(CUT[name](PHRASE).encode()) is not None
    assert found(CUT[name](PHRASE[::-1].upper()[:16]).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "amber- walrus- canyon- 5821",  # no word is cut
        "amber-wa and lrus-cany and then nothing",  # it does not end
        "lrus-can amber-wa yon-5821",  # in no order
        "amber-wa " + "." * 200 + " lrus-can " + " yon-5821",  # far apart
    ],
)
def test_words_that_stand_apart_are_no_value(text: str) -> None:
    cuts = Cuts.of([b"short", PHRASE.encode()], Vectorscan())
    assert cuts.find(text.encode()) == set()
    assert cuts.find(text.encode() + b" amber-wa lrus-can yon-5821") == {1}

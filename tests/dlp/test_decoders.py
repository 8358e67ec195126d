"""The decoders, each by itself: what they read, where they begin to, and what they leave alone."""

import base64
import bz2
import gzip
import io
import lzma
import random
import zipfile
import zlib

import pytest

from bottle.domain.dlp.bases import Decoder64, from_base32, from_base64, open_run, unpadded
from bottle.domain.dlp.packing import (
    STANDARD,
    BrokenError,
    Opening,
    UnreadableError,
    inputs,
    is_zlib,
    openings,
    require_open,
)
from bottle.domain.dlp.telling import is_plain, is_text, is_utf8, is_worth_reading, may_be_packed
from tests.dlp.scanning import Spelling

TEXT = b"some plain text, long enough to be told from noise by its first characters"
NOISE = random.Random(11).randbytes(600)


@pytest.mark.parametrize("before", [b"", b"A", b"AB", b"ABC", b"key=", b"path/", b"a=b/c+"])
def test_base64_is_read_from_where_it_makes_sense(before: bytes) -> None:
    encoded = base64.b64encode(TEXT)
    assert any(TEXT[8:] in found for found in from_base64(before + encoded))


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (base64.b64encode(NOISE[:90]), [NOISE[:90]]),  # it may be packed or masked
        (b"data=" + base64.b64encode(NOISE[:90]), [NOISE[:90]]),
(b"/v1/" + base64.urlsafe_b64encode(NOISE[:90]), [unpadded(b"/v1/" + base64.b64encode(NOISE[:90])), NOISE[:90]]),
        (b"sha1-of-9c1f3be27a604d58b3e5", []),
        (base64.b64encode(NOISE), [NOISE]),  # too long to be passed over, whatever it is
        (base64.b64encode(b"\x1f\x8b\x08\0" + NOISE[:60]), [b"\x1f\x8b\x08\0" + NOISE[:60]]),
        (base64.b64encode("\u4f60\u597d".encode() * 9), ["\u4f60\u597d".encode() * 9]),
        (base64.b64encode(TEXT.decode().encode("utf-16-le")), [TEXT.decode().encode("utf-16-le")]),
        (b"InternationalizationOfManyWordsTogether", []),
    ],
)  # fmt: skip
def test_base64_that_is_noise_is_none(run: bytes, found: list[bytes]) -> None:
    assert list(from_base64(run)) == found


@pytest.mark.parametrize("rest", range(4))
def test_padding_is_not_needed(rest: int) -> None:
    data = TEXT[: 30 + rest]
    assert unpadded(base64.b64encode(data).rstrip(b"=")) == data
    assert unpadded(b"QUJDR") == b"ABC"  # one character more says nothing


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
def test_base32_is_read_from_where_it_makes_sense(before: int) -> None:
    encoded = base64.b32encode(NOISE[:before] + TEXT)
    assert any(TEXT[8:] in found for found in from_base32(encoded.rstrip(b"=")))
    assert any(TEXT[8:] in found for found in from_base32(b"key=" + encoded))


def test_base32_that_is_noise_or_short_is_none() -> None:
    assert list(from_base32(base64.b32encode(NOISE[:60]))) == []
    assert list(from_base32(base64.b32encode(b"short text"))) == []
    assert list(from_base32(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0189")) == []


def test_a_long_run_at_the_end_is_followed() -> None:
    run = base64.b64encode(NOISE * 3)
    assert open_run(b"data: " + run) == 6
    assert open_run(b"data: key=" + run) == 10
    assert open_run(b"data: " + run[:1017]) is None
    assert open_run(b"data: " + run[:1024]) == 6
    assert open_run(run + b" end") is None
    assert open_run(run[:500] + b"\\r\\n" + run[500:]) == 0


@pytest.mark.parametrize("size", [1, 3, 76, 1000])
def test_base64_in_pieces_is_what_it_is_as_a_whole(size: int) -> None:
    text = base64.encodebytes(TEXT * 30) + b" and behind"
    decoder, read, goes_on = Decoder64(), b"", True
    for at in range(0, len(text), size):
        piece, goes_on = decoder.feed(text[at : at + size]) if at or size > 76 else decoder.feed(text[: at + size])
        read += piece
        if not goes_on:
            break
    assert not goes_on
    assert read == TEXT * 30 if size > 76 else TEXT[-40:] in read


def test_the_other_alphabet_in_pieces_and_what_is_padded_in_the_middle() -> None:
    data = TEXT + b"\xfb\xef\xbf\xff" * 40
    written = base64.urlsafe_b64encode(data)
    assert b"-" in written
    assert b"_" in written
    assert Decoder64().feed(written)[0] == data
    padded = base64.b64encode(TEXT[:40]) + b"\n" + base64.b64encode(TEXT[:40])
    assert b"==\n" in padded
    assert TEXT[:40] in Decoder64().feed(padded)[0]
    assert Decoder64().feed(b"QUJD" * 9) == (b"ABC" * 9, True)
    assert Decoder64().feed(b"QUJD" * 9 + b" ") == (b"ABC" * 9, False)
    assert Decoder64().feed(b" and behind") == (b"", False)


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (TEXT, True),
        (TEXT.decode().encode("utf-16-be"), True),
        ("\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440".encode(), True),
        (NOISE[:60], False),
        (NOISE[:20] + b"PK\x03\x04", True),
        (NOISE[:20] + b"\x28\xb5\x2f\xfd", True),
        (b"\xff\xfe" + NOISE[:30], True),
        (b"\xfe\xff" + NOISE[:30], True),
        (TEXT[:40] + b"\xff" * 10, True),  # every fifth byte of a short text
        (TEXT[:40] + b"\xff" * 11, False),
        (TEXT[:60] + b"\xff" * 30, True),  # every third of a long one
        (TEXT[:60] + b"\xff" * 31, False),
        (NOISE[1:9] + b"\xff\xfe" + NOISE[:30], False),
        (NOISE[1:9] + b"\xfe\xff" + NOISE[:30], False),
    ],
)
def test_text_and_what_is_packed_are_told_from_noise(data: bytes, is_it: bool) -> None:
    assert is_plain(data) is is_it
    assert is_worth_reading(data) is is_it
    assert is_worth_reading(data + NOISE)


def test_cutting_takes_six_bytes_at_most_from_a_text_in_another_script() -> None:
    text = "\u043f\u0440\u0438\u0432\u0435\u0442".encode() * 3
    assert is_utf8(text + b"\xff" * 6)
    assert not is_utf8(text + b"\xff" * 7)
    assert [is_utf8(text[:size]) for size in (14, 16)] == [False, True]


def test_what_is_nothing_but_text() -> None:
    assert is_text(b"12345678")
    assert not is_text(b"1234567")
    assert not is_text(b"12345678\0")
    assert may_be_packed(b"..BZh") is True
    assert may_be_packed(TEXT) is False


# --- packings

PACK: dict[str, Spelling] = {
    "x-gzip": gzip.compress,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "raw": lambda data: zlib.compress(data, wbits=-15),
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("size", [1, 10, 4096])
def test_a_stream_is_unpacked_in_whatever_pieces_it_comes(name: str, size: int) -> None:
    unpacker, packed, read = STANDARD[name](), PACK[name](TEXT * 50), b""
    assert not unpacker.eof
    for at in range(0, len(packed), size):
        read += b"".join(unpacker.pieces(packed[at : at + size]))
    assert read == TEXT * 50
    if name != "lzma":
        assert unpacker.eof


@pytest.mark.parametrize("name", ["gzip", "zlib", "bzip2", "xz", "raw", "deflate"])
def test_what_follows_a_stream_is_given_back(name: str) -> None:
    unpacker = STANDARD[name]()
    assert b"".join(unpacker.pieces(PACK[name](TEXT) + b"behind")) == TEXT
    assert unpacker.unused_data == b"behind"


@pytest.mark.parametrize("name", PACK)
def test_bytes_that_are_no_stream_say_so(name: str) -> None:
    with pytest.raises(BrokenError):
        list(STANDARD[name]().pieces(b"\xff\xff none of it"))


def test_gzip_is_gzip_alone() -> None:
    """What a server would not unpack is not what the head says."""
    with pytest.raises(BrokenError):
        list(STANDARD["gzip"]().pieces(zlib.compress(TEXT)))


@pytest.mark.parametrize("name", ["gzip", "zlib"])
def test_what_comes_out_before_a_fault_is_not_lost(name: str) -> None:
    pieces = STANDARD[name]().pieces(PACK[name](TEXT)[:-4] + bytes(4))
    assert next(pieces) == TEXT
    with pytest.raises(BrokenError):
        next(pieces)


def test_deflate_with_and_without_its_header() -> None:
    for packed in (zlib.compress(TEXT), zlib.compress(TEXT, wbits=-15)):
        unpacker = STANDARD["deflate"]()
        assert b"".join([*unpacker.pieces(packed[:1]), *unpacker.pieces(packed[1:])]) == TEXT
    assert is_zlib(zlib.compress(b"")[:2])
    assert [is_zlib(head) for head in (b"", b"x", b"x\x9d", b"\x8f\x00", b"y\x9c")] == [False] * 5


def _zip(method: int, name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), TEXT, method)  # no time of day: it would be in a test's name
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"..\x1f\x8b\x08..", [Opening(2, 2, "gzip")]),
        (b".x\x9c", [Opening(1, 1, "zlib")]),
        (b"BZh9 and x^", [Opening(0, 0, "bzip2"), Opening(9, 9, "zlib")]),
        (b"f(x) = 3x^2 + 3 and more", []),
        (b"\xfd7zXZ\0]\0\0", [Opening(0, 0, "xz"), Opening(6, 6, "lzma")]),
        (b"\x28\xb5\x2f\xfd", [Opening(0, 0, "zstd")]),
        (_zip(zipfile.ZIP_DEFLATED), [Opening(0, 35, "raw")]),
        (_zip(zipfile.ZIP_STORED), []),
        (_zip(zipfile.ZIP_DEFLATED)[:30], [Opening(0, 35, "raw")]),
        (_zip(zipfile.ZIP_DEFLATED)[:29], []),
        (b"nothing", []),
    ],
)
def test_where_packed_content_begins(data: bytes, found: list[Opening]) -> None:
    assert list(openings(data, 0)) == found


@pytest.mark.parametrize(("said", "is_told"), [(b"1234567", False), (b"12345678", True)])
def test_of_two_bytes_that_are_in_any_text_nothing_begins_unless_it_says_enough_for_a_secret(
    said: bytes, is_told: bool
) -> None:
    packing = zlib.compressobj()
    broken = packing.compress(said) + packing.flush(zlib.Z_SYNC_FLUSH) + b"\xff" * 9
    assert bool(list(openings(broken, 0))) is is_told
    assert list(openings(broken[:7], 0)) == [Opening(0, 0, "zlib")]  # the rest may come


@pytest.mark.parametrize(("data", "size"), [(b".BZh", 3), (b".\xfd7zXZ\0", 6), (b"." + _zip(zipfile.ZIP_DEFLATED), 30)])
def test_what_was_told_before_is_not_told_again(data: bytes, size: int) -> None:
    """A head is told by the piece in which it becomes whole, and by no other."""
    said = list(openings(data, 0))
    assert [one.at for one in said] == [1]
    assert [list(openings(data, known)) for known in (1, size, size + 1, size + 2)] == [said, said, [], []]


def _headed(flags: int, method: int) -> bytes:
    numbers = (20, flags, method)
    return b"PK\x03\x04" + b"".join(one.to_bytes(2, "little") for one in numbers) + bytes(16) + b"\1\0\0\0a" + bytes(9)


@pytest.mark.parametrize(
    ("flags", "method", "said"),
    [(1, 8, "encrypted"), (1, 0, "encrypted"), (9, 8, "encrypted"), (0, 14, "not looked"), (0, 99, "not looked"),
     (0, 1, "not looked")],
)  # fmt: skip
def test_archives_that_cannot_be_read_are_refused(flags: int, method: int, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        list(openings(_headed(flags, method), 0))


def test_words_that_only_open_as_an_archive_does_are_not_refused() -> None:
    """A version that never was, a method that never was: nobody's archive, and so no reason."""
    assert list(openings(_headed(1, 7), 0)) == []
    assert list(openings(b"PK\x03\x04\xff" + _headed(1, 8)[5:], 0)) == [Opening(0, 31, "raw")]
    assert list(openings(_headed(8, 8), 0)) == [Opening(0, 31, "raw")]


@pytest.mark.parametrize(
    "data",
    [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01", b"\x04\x22\x4d\x18", b"LZIP\x01\xff", b"MSCF\0\xff", b"\x1f\x9d\x90"],
)
def test_archives_of_other_kinds_are_refused_at_the_beginning_of_content_or_of_a_part(data: bytes) -> None:
    for content in (data + b"\xff", b"--b\r\nA: b\r\n\r\n" + data + b"\xff"):
        with pytest.raises(UnreadableError):
            require_open(content)
    require_open(b"somewhere in binary content: \xff" + data)
    require_open(b"7z in words, Rar! in others")


def test_an_unpacker_gets_all_of_the_data_in_slices() -> None:
    data = bytes(9000)
    assert [(end, len(piece)) for end, piece in inputs(data, 100)] == [(4196, 4096), (8292, 4096), (9000, 708)]
    assert list(inputs(data, 9000)) == []

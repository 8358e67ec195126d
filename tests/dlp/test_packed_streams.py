"""Packed content that streams: wherever it begins, however it ends, and whatever stands in it or beside it."""

import base64
import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from functools import partial
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.dlp.engine import Engine, Looked
from bottle.domain.dlp.stream import PIECE, Leak, Stream
from tests.dlp.scanning import OPAQUE, PHRASE, TOKEN, Spelling, engine, found, passed_of, zipped

_NOISE = random.Random(7).randbytes(90_000)


@pytest.mark.parametrize("place", range(PIECE - 45, PIECE + 5, 7))
def test_an_archives_head_may_lie_across_two_pieces(place: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a" * 20, b"b " * 40 + OPAQUE.encode())
    assert found(b"-" * place + file.getvalue()) is not None


def _gzip_with(flag: int, words: bytes) -> bytes:
    packed = gzip.compress(b"clean", mtime=0)
    return packed[:3] + bytes((flag,)) + packed[4:10] + words + packed[10:]


SECRET = PHRASE.encode()
CHECKED = (zlib.crc32(_gzip_with(2, b"")[:10]) & 0xFFFF).to_bytes(2, "little")
HEADS = {
    "extra field": ("gzip", _gzip_with(4, struct.pack("<H", len(SECRET)) + SECRET)),
    "name": ("gzip", _gzip_with(8, SECRET + b"\0")),
    "comment": ("x-gzip", _gzip_with(16, base64.b64encode(SECRET) + b"\0")),
    "name and comment": ("gzip", _gzip_with(24, b"name\0" + SECRET + b"\0")),
    "skipped frame": ("zstd", struct.pack("<II", 0x184D2A53, len(SECRET)) + SECRET + zstandard.compress(b"clean")),
    "packed twice": ("gzip, gzip", gzip.compress(_gzip_with(8, SECRET + b"\0"))),
    "no end": ("gzip", _gzip_with(8, b"a" * 200_000 + b"\0")),
}  # fmt: skip


@pytest.mark.parametrize(("coding", "data"), HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("size", [7, 1_000_000])
def test_what_a_packings_head_says_is_looked_at(coding: str, data: bytes, size: int) -> None:
    """Whoever unpacks never sees it; whoever keeps the bytes does."""
    stream = Stream(engine(), "the body", coding=coding)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with pytest.raises(Leak):
        _all_of(stream, pieces)


def _all_of(stream: Stream, pieces: list[bytes]) -> None:
    assert b"".join(map(stream.feed, pieces)) == b""
    stream.finish()


HONEST = {"name": _gzip_with(8, b"notes.txt\0"), "checksum": _gzip_with(2, CHECKED), "empty": gzip.compress(b"")}


@pytest.mark.parametrize("packed", HONEST.values(), ids=HONEST)
def test_an_honest_head_refuses_nothing(packed: bytes) -> None:
    stream = Stream(engine(), "the body", coding="gzip")
    assert stream.feed(packed) + stream.finish() == packed


def test_a_pack_of_many_small_streams_is_looked_into() -> None:
    objects = [zlib.compress(f"blob {number}\0{number * 7919}".encode()) for number in range(2000)]
    assert found(b"PACK" + b"".join(objects)) is None
    objects[1500] = zlib.compress(b"blob 9\0" + OPAQUE.encode())
    assert found(b"PACK" + b"".join(objects)) is not None


@pytest.mark.parametrize("before", [b"", b"-- "])
def test_a_stream_that_breaks_hides_none_behind_it(before: bytes) -> None:
    """Even one that content begins with, and that says something before it breaks."""
    packing = zlib.compressobj()
    packed = packing.compress(_NOISE[:2000].hex().encode()) + packing.flush(zlib.Z_FULL_FLUSH)
    broken = before + packed + b"\xff"  # no block of deflate begins so
    assert found(broken + gzip.compress(b"nothing")) is None
    assert found(broken + gzip.compress(OPAQUE.encode())) is not None


@pytest.mark.parametrize("size", [300, 2000, 70_000])
@pytest.mark.parametrize("between", [b"", b"\xff" * 40])
def test_a_stream_that_is_cut_off_hides_none_behind_it(size: int, between: bytes) -> None:
    """Most bytes are a code of some stream, so that it goes on to the end, over whatever was put behind it."""
    for start in range(0, 1000, 250):
        cut_off = gzip.compress(_NOISE[start : start + size].hex().encode(), mtime=0)[: size // 2] + between
        assert found(cut_off + gzip.compress(OPAQUE.encode(), mtime=0)) is not None
        assert found(cut_off) is None


_PACKINGS: dict[str, Spelling] = {
    "gzip": partial(gzip.compress, mtime=0),
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": partial(lzma.compress, format=lzma.FORMAT_ALONE),
    "zstd": zstandard.ZstdCompressor().compress,
    "zip": zipped,
    "brotli": brotli.compress,
}
_OF_WORDS = random.Random(3).randbytes(12_000).hex().encode()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(_PACKINGS)),
    st.integers(16, 12_000),
    st.sampled_from(sorted(_PACKINGS.keys() - {"brotli"})),  # brotli is told by nothing but that content begins so
    st.integers(0, 40_000),
    st.integers(0, 100),
    st.sampled_from([1000, 4096, 30_000]),
)
def test_no_stream_hides_another_that_was_put_into_it(
    first: str, size: int, second: str, behind: int, seed: int, piece: int
) -> None:
    """The first is cut off somewhere, and takes for its own what follows, as far as it makes sense of it: a whole
    stream with a value, and noise over many pieces."""
    body = _PACKINGS[first](_OF_WORDS)[:size] + _PACKINGS[second](OPAQUE.encode() * 2)
    stream = Stream(engine(), "the body", piece=piece)
    passed, leaked = passed_of(stream, body + random.Random(seed).randbytes(behind))
    assert leaked
    assert len(passed) <= size + len(body)


INTO = gzip.compress(OPAQUE.encode(), mtime=0)
BESIDE = {
    "gzip's extra field": _gzip_with(4, struct.pack("<H", len(INTO)) + INTO),
    "a zip's extra field": struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, 0, 7, 5, 1, len(INTO))
    + (b"a" + INTO + zlib.compress(b"clean", wbits=-15)),
}


@pytest.mark.parametrize("data", BESIDE.values(), ids=BESIDE)
def test_what_is_packed_beside_the_content_of_a_whole_stream_is_looked_at(data: bytes) -> None:
    """In a field that no unpacker shows, of a stream that is not broken at all."""
    assert found(data) is not None
    assert found(data.replace(INTO, bytes(len(INTO)))) is None


def test_a_head_may_say_that_its_content_begins_pieces_further() -> None:
    head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, 0, 7, 5, 1, 60_000) + b"a" + bytes(60_000)
    packed = zlib.compress(OPAQUE.encode(), wbits=-15)
    for size in (1000, PIECE):
        assert passed_of(Stream(engine(), "the body", piece=size), head + packed)[1]
        assert not passed_of(Stream(engine(), "the body", piece=size), head + b"\xff" + packed)[1]


def test_mathematics_is_no_packed_content() -> None:
    """`x^` is how zlib's streams may begin."""
    assert found(b"Let f(x) = 3x^2 + x^4 - 1, so that f(x^2) = 3x^4 + x^8 - 1.\n" * 3000) is None


def test_streams_that_go_on_are_not_counted_once_they_are_over() -> None:
    """Content of many pieces, in each of which one begins and breaks in the next."""
    begun = gzip.compress(_OF_WORDS, mtime=0)[:900]
    stream = Stream(engine(), "the body", piece=1000)
    for _ in range(30):
        stream.feed(begun + b"\xff" * 200 + b"words " * 150)
    assert stream.finish() is not None


@pytest.mark.parametrize("apart", [9, 100], ids=["in one piece", "in several"])
@pytest.mark.parametrize(("count", "is_refused"), [(2, False), (9, True)])
def test_many_streams_that_go_on_at_once_are_refused(count: int, is_refused: bool, apart: int) -> None:
    """Each unpacks whatever follows it, and keeps memory for that."""
    stored = b"\x1f\x8b\x08\0" + bytes(6) + b"\0\xff\xff\0\0"
    stream = Stream(engine(), "the body", piece=1000)
    assert passed_of(stream, (stored + b"and some words " * apart) * count + b"more words " * 500)[1] is is_refused


def test_many_streams_that_are_cut_off_are_refused() -> None:
    """Each hides the next, and to unpack them all takes longer than their share."""
    stored = b"\x1f\x8b\x08\0" + bytes(6) + b"\0\xff\xff\0\0"  # of 65,535 bytes, it says (RFC 1951 3.2.4)
    for count, rules in ((1, {None}), (3, {None}), (6, {"dlp.unreadable"}), (40, {"dlp.unreadable", "dlp.depth"})):
        finding = found((stored + b"and some words " * 9) * count)
        assert (finding and finding.rule) in rules


def test_what_an_unpacker_keeps_to_itself_is_not_let_out() -> None:
    """bzip2 gives out nothing of a block before it has all of it: until then nobody knows what it says."""
    packed = bz2.compress(_NOISE * 2 + OPAQUE.encode())
    passed, leaked = passed_of(Stream(engine(), "the body", piece=4096), packed)
    assert (passed, leaked) == (b"", True)


def test_what_is_unpacked_is_looked_at_in_pieces_like_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much comes out of one piece, memory holds no more of it than of what comes in."""
    sizes, look = [], Engine.look

    def counted(self: Engine, data: bytes, *rest: Any, **more: Any) -> Looked:
        sizes.append(len(data))
        return look(self, data, *rest, **more)

    monkeypatch.setattr(Engine, "look", counted)
    assert found(gzip.compress(_NOISE.hex().encode() * 3)) is None
    assert max(sizes) < PIECE + 2 * engine().window


def test_a_value_is_found_across_all_that_comes_out_of_one_piece() -> None:
    """An unpacker gives out a little at a time; here that is parted a hundred times within one value."""
    signs = bytes(random.Random(5).choices(b"!$()*,.:;?@^|~", k=4000))
    strewn = b"".join(signs + bytes((sign,)) for sign in OPAQUE.encode())
    for coding, body in (("gzip", gzip.compress(strewn)), ("", gzip.compress(strewn))):
        finding = found(body, coding=coding)
        assert finding is not None
        assert finding.rule == "dlp.value"


@pytest.mark.parametrize("before", [b"", b"1", b"12", b"123"])
def test_where_long_base64_ends_a_pattern_is_told_what_it_says_last(before: bytes) -> None:
    """Of noise nobody else knows at which of its characters a group begins."""
    data = before + b" " + base64.b64encode(_NOISE[:6000] + TOKEN.encode()) + b" and more words" * 400
    stream = Stream(engine(patterns=True), "the body", piece=4099)
    with pytest.raises(Leak) as leak:
        stream.feed(data)
    assert leak.value.finding.rule == "dlp.test-token"


def test_behind_long_base64_the_rest_is_decoded_again() -> None:
    data = base64.b64encode(_NOISE[:6000]) + b" and more words" * 800
    stream = Stream(engine(), "the body", piece=4096)
    assert passed_of(stream, data + base64.b64encode(b"in a sentence: " + OPAQUE.encode()))[1]

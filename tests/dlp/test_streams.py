"""Content that streams: any cutting gives one verdict, nothing passes unjudged, nothing grows without end."""

import base64
import bz2
import gzip
import io
import json
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.dlp.stream import PIECE, Leak, Stream
from tests.dlp.scanning import OPAQUE, PHRASE, TOKEN, Spelling, engine, found, found_in

SECRETS = [OPAQUE.encode(), PHRASE.upper().encode(), base64.b64encode(OPAQUE.encode() + b"..."), TOKEN.encode()]


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", content)
    return file.getvalue()


def _part(content: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + content + b"\r\n--b--\r\n"


_NOISE = random.Random(7).randbytes(90_000)
_CLEAN = b"clean " * 30_000
PACKED = [
    packed
    for content in (_CLEAN, _CLEAN + TOKEN.encode() + b" " + _CLEAN, _NOISE + OPAQUE.encode() + _NOISE)
    for packed in (
        gzip.compress(content),
        _part(_zip(content)),
        bz2.compress(gzip.compress(content)),
        json.dumps({"data": base64.b64encode(_zip(content)).decode()}).encode(),
        base64.encodebytes(zstandard.ZstdCompressor().compress(content)),
    )
]
_CONTENT = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from(PACKED),
        st.sampled_from([*SECRETS, b"text " * 50_000, base64.b64encode(bytes(range(256)) * 600), b"%41\\u0041" * 9]),
    ),
    max_size=5,
).map(b"".join)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _passed(stream: Stream, data: bytes) -> tuple[bytes, bool]:
    """What passed before the leak, and whether there was one."""
    passed = b""
    try:
        for at in range(0, len(data), 16_384):
            passed += stream.feed(data[at : at + 16_384])
        passed += stream.finish()
    except Leak:
        return passed, True
    return passed, False


@settings(max_examples=30, deadline=None)
@given(_CONTENT, st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_cutting_gives_the_verdict_of_the_whole(data: bytes, cuts: list[int]) -> None:
    by = engine(patterns=True)
    assert found_in(_pieces(data, cuts), by=by) == found(data, by=by)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", [0, PIECE - 9, PIECE, 2 * PIECE - 5, 300_000])
def test_not_a_byte_of_a_secret_passes(secret: bytes, place: int) -> None:
    data = random.Random(1).randbytes(place).replace(b"t", b"T") + b" " + secret + b" " + bytes(50_000)
    passed, leaked = _passed(Stream(engine(patterns=True), "the body"), data)
    assert leaked
    assert len(passed) <= place
    assert data.startswith(passed)


def test_no_more_than_a_piece_and_a_window_is_held() -> None:
    stream, passed = Stream(engine(), "the body"), 0
    for number in range(1, 200):
        passed += len(stream.feed(b"nothing of any interest " * 400))
        assert number * 9600 - passed <= PIECE + engine().window + 9600


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["text", "gzip"])
def test_tens_of_megabytes_take_no_more_memory_than_one(pack: Spelling) -> None:
    """What is held does not grow with what passed, packed or not."""
    chunk = pack(b"".join(b"line %d of no interest\n" % number for number in range(2500)))
    peaks = []
    for times in (60, 240):
        stream = Stream(engine(), "the body")
        tracemalloc.start()
        for _ in range(times):
            stream.feed(chunk)
        stream.finish()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000  # of eleven million more that passed


LONG: dict[str, Spelling] = {
    "gzip": partial(gzip.compress, mtime=0),
    "bzip2": bz2.compress,
    "base64": base64.b64encode,
    "base64 with line ends in JSON": lambda data: json.dumps(base64.encodebytes(data).decode()).encode(),
    "base64 of gzip": lambda data: b'{"data": "' + base64.b64encode(gzip.compress(data, mtime=0)) + b'"}',
    "gzip of base64": lambda data: gzip.compress(base64.b64encode(data), mtime=0),
    "a form": lambda data: b"file=" + base64.b64encode(data),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("place", [131_000])
def test_a_secret_deep_in_long_encoded_content_is_found_before_it_passes(name: str, place: int) -> None:
    noise = random.Random(2).randbytes(500_000)
    secret = b" " + TOKEN.encode() + b" "
    clean, marked = LONG[name](noise), LONG[name](noise[:place] + secret + noise[place:])
    by = engine(patterns=True)
    assert found(clean, by=by) is None
    passed, leaked = _passed(Stream(by, "the body"), marked)
    assert leaked
    shared = next(at for at, (one, other) in enumerate(zip(clean, marked, strict=False)) if one != other)
    assert len(passed) <= shared


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


def test_many_streams_that_are_cut_off_are_refused() -> None:
    """Each hides the next, and to unpack them all takes longer than their share."""
    stored = b"\x1f\x8b\x08\0" + bytes(6) + b"\0\xff\xff\0\0"  # of 65,535 bytes, it says (RFC 1951 3.2.4)
    for count, rules in ((1, {None}), (3, {None}), (6, {"dlp.unreadable"}), (40, {"dlp.unreadable", "dlp.depth"})):
        finding = found((stored + b"and some words " * 9) * count)
        assert (finding and finding.rule) in rules


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_the_end_of_long_packed_content_is_an_end(name: str, pack: Spelling) -> None:
    """A pattern is told there what it is not told where content goes on; and the reader, what to unpack."""
    finding = found(pack(_CLEAN + TOKEN.encode()), by=engine(patterns=True))
    assert finding is not None
    assert finding.rule == "dlp.test-token"
    assert finding.via == (name,)


@pytest.mark.parametrize("place", range(PIECE - 45, PIECE + 5, 7))
def test_an_archives_head_may_lie_across_two_pieces(place: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a" * 20, b"b " * 40 + OPAQUE.encode())
    assert found(b"-" * place + file.getvalue()) is not None


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", partial(gzip.compress, compresslevel=1)), ("zstd", zstandard.ZstdCompressor().compress)],
    ids=["gzip", "zstd"],
)
def test_what_grows_without_end_is_refused(coding: str, packed: Callable[[bytes], bytes]) -> None:
    finding = found(packed(bytes(100 << 20)), coding=coding)
    assert finding is not None
    assert finding.rule == "dlp.unreadable"


def _zipped(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.txt", b"nothing")
    return file.getvalue()


def _encrypted() -> bytes:
    head = b"PK\x03\x04" + (20).to_bytes(2, "little") + (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    return head + bytes(16) + (1).to_bytes(2, "little") + bytes(2) + b"a" + bytes(40)


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (b"nothing", "compress"),
        (b"nothing", "gzip"),
        (gzip.compress(b"nothing" * 99, mtime=0)[:-20], "gzip"),
        (b"nothing", "gzip, gzip, gzip, gzip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), ""),
        (_encrypted(), ""),
        (_zipped(zipfile.ZIP_LZMA), ""),
        (b"x\x9c" * 3000, ""),
    ],
)
def test_what_cannot_be_looked_into_is_refused_with_a_reason(data: bytes, coding: str) -> None:
    finding = found(data, coding=coding)
    assert finding is not None
    assert (finding.rule, finding.fingerprint) == ("dlp.unreadable", "")

"""Content that streams: any cutting gives one verdict, nothing passes unjudged, nothing grows without end."""

import base64
import bz2
import gzip
import io
import json
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bottle.domain.dlp.stream import PIECE, Stream
from tests.dlp.scanning import OPAQUE, PHRASE, TOKEN, Spelling, engine, found, found_in, passed_of, zipped

SECRETS = [OPAQUE.encode(), PHRASE.upper().encode(), base64.b64encode(OPAQUE.encode() + b"..."), TOKEN.encode()]


def _part(content: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + content + b"\r\n--b--\r\n"


_NOISE = random.Random(7).randbytes(90_000)
_CLEAN = b"clean " * 30_000
PACKED = [
    packed
    for content in (_CLEAN, _CLEAN + TOKEN.encode() + b" " + _CLEAN, _NOISE + OPAQUE.encode() + _NOISE)
    for packed in (
        gzip.compress(content),
        _part(zipped(content)),
        bz2.compress(gzip.compress(content)),
        json.dumps({"data": base64.b64encode(zipped(content)).decode()}).encode(),
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


@settings(max_examples=30, deadline=None)
@given(_CONTENT, st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_cutting_gives_the_verdict_of_the_whole(data: bytes, cuts: list[int]) -> None:
    by = engine(patterns=True)
    assert found_in(_pieces(data, cuts), by=by) == found(data, by=by)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", [0, PIECE - 9, PIECE, 2 * PIECE - 5, 300_000])
def test_not_a_byte_of_a_secret_passes(secret: bytes, place: int) -> None:
    data = random.Random(1).randbytes(place).replace(b"t", b"T") + b" " + secret + b" " + bytes(50_000)
    passed, leaked = passed_of(Stream(engine(patterns=True), "the body"), data)
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
    passed, leaked = passed_of(Stream(by, "the body"), marked)
    assert leaked
    shared = next(at for at, (one, other) in enumerate(zip(clean, marked, strict=False)) if one != other)
    assert len(passed) <= shared


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_the_end_of_long_packed_content_is_an_end(name: str, pack: Spelling) -> None:
    """A pattern is told there what it is not told where content goes on; and the reader, what to unpack."""
    finding = found(pack(_CLEAN + TOKEN.encode()), by=engine(patterns=True))
    assert finding is not None
    assert finding.rule == "dlp.test-token"
    assert finding.via == (name,)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", partial(gzip.compress, compresslevel=1)), ("zstd", zstandard.ZstdCompressor().compress)],
    ids=["gzip", "zstd"],
)
def test_what_grows_without_end_is_refused(coding: str, packed: Callable[[bytes], bytes]) -> None:
    finding = found(packed(bytes(100 << 20)), coding=coding)
    assert finding is not None
    assert finding.rule == "dlp.unreadable"


_PACKING = zlib.compressobj()
_BROKEN = _PACKING.compress(b"12345678") + _PACKING.flush(zlib.Z_SYNC_FLUSH) + b"\xff"


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
        (_BROKEN * 900, ""),
    ],
)
def test_what_cannot_be_looked_into_is_refused_with_a_reason(data: bytes, coding: str) -> None:
    finding = found(data, coding=coding)
    assert finding is not None
    assert (finding.rule, finding.fingerprint) == ("dlp.unreadable", "")

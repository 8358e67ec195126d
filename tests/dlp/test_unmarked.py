"""Packed content that begins like anything, and packed content within packed content."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from functools import partial, reduce

import brotli
import pytest
import zstandard

from bottle.domain.dlp.unmarked import packing_of
from sidecars.scanner.unpackers import ALL
from tests.dlp.scanning import OPAQUE, TOKEN, engine, found

Pack = Callable[[bytes], bytes]


def _deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


_NOISE = [random.Random(number).randbytes(20).hex() for number in range(10_000)]
_PLAIN = json.dumps([{"line": line, "key": OPAQUE} for line in _NOISE[:20]]).encode()
_CLEAN = json.dumps(_NOISE).encode()
UNMARKED: dict[str, Pack] = {"brotli": partial(brotli.compress, quality=4), "deflate": _deflated}
NESTED: dict[str, Pack] = {
    **UNMARKED,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(level=19).compress,
}


@pytest.mark.parametrize("pack", UNMARKED.values(), ids=UNMARKED)
@pytest.mark.parametrize("content", [_PLAIN, _CLEAN + _PLAIN], ids=["short", "long"])
def test_content_is_unpacked_that_begins_like_anything(pack: Pack, content: bytes) -> None:
    finding = found(pack(content))
    assert finding is not None
    assert finding.rule == "dlp.value"


@pytest.mark.parametrize("pack", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize("content", [_PLAIN, base64.b64encode(zlib.compress(_PLAIN))], ids=["plain", "encoded"])
def test_what_is_packed_again_and_again_is_unpacked_as_often(pack: Pack, times: int, content: bytes) -> None:
    finding = found(reduce(lambda packed, _: pack(packed), range(times), content))
    assert finding is not None
    assert finding.rule == "dlp.value"


def test_what_comes_out_in_several_pieces_is_read_as_one() -> None:
    noise = random.Random(3).randbytes(6000).hex()
    for before in range(6000, 9000, 10):  # the packed bytes are taken in slices; the first ends within some token
        packed = gzip.compress(f"{noise[:before]} {TOKEN} {noise}".encode())
        assert found(packed, by=engine(patterns=True)) is not None, before


def test_a_guess_hides_nothing_that_is_marked() -> None:
    for clean in (b"harmless words, and some more of them", _CLEAN):
        assert found(brotli.compress(clean, quality=4) + gzip.compress(_PLAIN)) is not None


def test_clean_content_passes() -> None:
    for pack in UNMARKED.values():
        assert found(pack(_CLEAN), by=engine(patterns=True)) is None


def test_the_beginning_of_packed_content_tells_and_little_of_it() -> None:
    """Sixteen bytes are enough; and a fault behind the first hundreds hides nothing that came before it."""
    little = next(packed for size in range(8, 16) if len(packed := _deflated(bytes(range(40, 40 + size)) * 3)) == 16)
    assert packing_of(little, ALL) == "raw"
    assert packing_of(little[:15], ALL) is None
    assert packing_of(_deflated(_CLEAN)[:1500] + b"\xff" * 300, ALL) == "raw"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"nothing but words", id="text"),
        pytest.param("Grüße an alle, die hier lesen: naïve Straße, café".encode() * 20, id="text in UTF-8"),
        pytest.param(gzip.compress(_PLAIN), id="marked"),
        pytest.param(zlib.compress(_PLAIN), id="marked, and by the checksum of its head too"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + random.Random(5).randbytes(2000), id="an image"),
        pytest.param(brotli.compress(b"short"), id="too little for a secret"),
    ],
)
def test_other_content_is_not_taken_for_packed(content: bytes) -> None:
    assert packing_of(content, ALL) is None

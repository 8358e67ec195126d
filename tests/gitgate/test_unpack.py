"""What lies in archives is seen, however deep and however many; bombs are refused; garbage is no archive."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.gitgate.objects import TooMuchError
from sidecars.gitgate.unpack import Budget, views

MARK = b"what is looked for"


def seen(content: bytes, size: int = 1 << 24) -> bytes:
    return b"|".join(inner for _, inner in views(content, Budget(size)))


def zipped(name: str, content: bytes, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.comment = comment
    return packed.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(MARK),
        gzip.compress(b"first") + gzip.compress(b"second") + gzip.compress(MARK),
        gzip.compress(bytes(3 << 20)) + gzip.compress(MARK),
        gzip.compress(bytes(100_000) + MARK)[:-6],
        zlib.compress(MARK),
        bz2.compress(MARK),
        lzma.compress(MARK),
        zipped("a", MARK),
        zipped("a", b"x", comment=MARK),
        zipped(MARK.decode(), b"x"),
        b"\x7fELF and so on" + zipped("a", MARK),
        tarred("a", MARK),
        tarred(MARK.decode(), b"x"),
        gzip.compress(tarred("a", zipped("b", MARK))),
    ],
    ids=lambda packed: packed[:3].hex(),
)
def test_what_is_packed_is_seen(packed: bytes) -> None:
    """Members behind members, torn ends, names and remarks, archives in archives."""
    assert MARK in seen(packed)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """The budget counts what comes out, not what goes in."""
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)) * 40)
    with pytest.raises(TooMuchError, match="may unpack to"):
        seen(bomb, 1 << 23)


def test_nesting_beyond_the_limit_is_refused() -> None:
    """Unlooked is not let through."""
    content = MARK
    for _ in range(7):
        content = gzip.compress(content)
    with pytest.raises(TooMuchError, match="nested"):
        seen(content)


BEGINNINGS = (b"\x1f\x8b\x08", b"x\x9c", b"BZh9", b"\xfd7zXZ\0", b"PACK\0\0\0\x02", b"PK\x05\x06")


@given(st.binary(max_size=2000), st.sampled_from(BEGINNINGS))
def test_garbage_is_no_archive(garbage: bytes, beginning: bytes) -> None:
    """Whatever only begins like one is read no further, and raises nothing."""
    seen(beginning + garbage)
    seen(garbage + beginning + garbage)

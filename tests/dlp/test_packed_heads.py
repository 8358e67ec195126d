"""What a packing's head says beside the content: read as soon as it is whole, and refused where it has no end."""

import struct

import pytest

from bottle.domain.dlp.packed_heads import words_of
from bottle.domain.dlp.packing import UnreadableError

CHECKSUM, EXTRA, NAME, COMMENT = 2, 4, 8, 16
FIELDS = {
    EXTRA: struct.pack("<H", 7) + b"ex\x03\x00tra",
    NAME: b"notes.txt\0",
    COMMENT: b"written by hand\0",
    CHECKSUM: b"\xaa\xbb",
}
"""In the order in which they stand (RFC 1952 2.3)."""


def _head(flags: int) -> tuple[bytes, bytes]:
    words = b"".join(field for flag, field in FIELDS.items() if flags & flag)
    return b"\x1f\x8b\x08" + bytes((flags,)) + bytes(6) + words, words


@pytest.mark.parametrize("name", ["gzip", "x-gzip"])
@pytest.mark.parametrize("flags", range(32))
def test_the_words_of_a_head_are_all_of_them_and_none_of_the_content(flags: int, name: str) -> None:
    head, words = _head(flags)
    assert words_of(name, head) == words
    assert words_of(name, head + b"\x4b\x4c\0 content") == words


@pytest.mark.parametrize("flags", range(32))
def test_a_head_that_is_not_whole_is_waited_for(flags: int) -> None:
    """Else the rest of a word would pass as content, which is not looked at as it stands."""
    head, _ = _head(flags)
    assert [words_of("gzip", head[:size]) for size in range(len(head))] == [None] * len(head)


def test_a_head_without_end_is_refused_before_any_of_it_passes() -> None:
    endless = _head(NAME)[0][:10] + b"a" * (96 * 1024 - 10)
    assert words_of("gzip", endless) is None
    with pytest.raises(UnreadableError, match="no end"):
        words_of("gzip", endless + b"a")
    assert words_of("gzip", endless + b"\0") == endless[10:] + b"\0"


@pytest.mark.parametrize("number", range(16))
def test_a_frame_that_is_to_be_skipped_is_refused(number: int) -> None:
    """RFC 8878 3.1.2: whoever unpacks passes it over, with whatever stands in it."""
    with pytest.raises(UnreadableError, match="skipped"):
        words_of("zstd", struct.pack("<I", 0x184D2A50 + number) + bytes(4))


def test_other_packings_say_nothing_beside_their_content() -> None:
    frame = b"\x28\xb5\x2f\xfd"
    assert [words_of("zstd", frame[:size]) for size in range(5)] == [None] * 4 + [b""]
    assert words_of("zstd", struct.pack("<I", 0x184D2A60)) == b""
    assert words_of("deflate", b"") == words_of("br", b"a") == b""

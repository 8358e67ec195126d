"""The packings that the standard library lacks: brotli and zstd."""

from collections.abc import Iterator
from typing import Final

import brotli
import zstandard

from bottle.domain.dlp.packing import STANDARD, BrokenError, Unpackers

_PIECE = 1 << 20
_WINDOW = 128 * 1024 * 1024
_INPUT = 256  # bytes of zstd at a time: its interface has no bound on what comes out of them


class Brotli:
    """RFC 7932."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def pieces(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._stream.process(data, output_buffer_limit=_PIECE)
            while not self._stream.can_accept_more_data():
                yield self._stream.process(b"", output_buffer_limit=_PIECE)
        except brotli.error:
            raise BrokenError from None


class Zstd:
    """RFC 8878."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        try:
            for at in range(0, len(data), _INPUT):
                if self.eof:
                    self.unused_data += data[at:]
                    return
                yield self._stream.decompress(data[at : at + _INPUT])
                if self.eof:
                    self.unused_data = self._stream.unused_data
        except zstandard.ZstdError:
            raise BrokenError from None


ALL: Final[Unpackers] = {**STANDARD, "br": Brotli, "zstd": Zstd}

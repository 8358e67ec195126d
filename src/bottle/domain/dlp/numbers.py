"""Rows of numbers read as codes of characters: hexadecimal, decimal, octal or binary, whatever stands between."""

import re
import string
from collections.abc import Iterator
from typing import Final

from bottle.domain.dlp.telling import LONG, PRINTED, is_worth_reading

_SHORTEST: Final = 32
_NO_DIGITS: Final = bytes(code for code in range(256) if chr(code) not in string.hexdigits)
_MOST_MASKED: Final = 16 * LONG
_NUMBER: Final = re.compile(rb"[0-9A-Fa-f]+")
_PREFIX: Final = re.compile(
    rb"(?<![0-9A-Fa-f])0(?:[xXoO]|[bB](?=[01]{4,8}(?![0-9A-Fa-f])))|\\[xXou]?|[uU]\+?(?:00)?|[xXhou]"
)  # `0b` alone is a byte
_KEYS: Final = tuple(bytes(code ^ key for code in range(256)) for key in range(1, 128))


def from_numbers(text: bytes) -> Iterator[bytes]:
    """What a row of numbers says; where that is no text, too: it may be packed or masked."""
    if len(text.translate(None, _NO_DIGITS)) < _SHORTEST:
        return
    words = _NUMBER.findall(_PREFIX.sub(b" ", text))
    digits = b"".join(words)
    if len(digits) < _SHORTEST:
        return
    for offset in (0, 1):
        found = bytes.fromhex(digits[offset : offset + (len(digits) - offset) // 2 * 2].decode())
        is_read = found.isascii() or is_worth_reading(found)
        if is_read or not offset:
            yield found
        if is_read:
            yield from _unmasked(found)
            break
    if len(words) > len(digits) / 4:
        yield from (_codes(words, base) for base in (10, 8))
    bits = [word for word in words if not word.strip(b"01")]
    if 10 * sum(map(len, bits)) >= 9 * len(digits):
        yield from _from_bits(bits, b"".join(bits))


def _codes(words: list[bytes], base: int) -> bytes:
    allowed = b"0123456789"[:base]
    codes = (int(word, base) for word in words if len(word) < 4 and not word.strip(allowed))
    return bytes(code for code in codes if code < 256)


def _from_bits(words: list[bytes], digits: bytes) -> Iterator[bytes]:
    """Eight binary digits to a byte; seven, where they stand in sevens."""
    yield int(digits, 2).to_bytes(len(digits) // 8 + 1)
    yield (int(digits, 2) << (-len(digits) % 8)).to_bytes(len(digits) // 8 + 1)
    if all(len(word) <= 7 for word in words):
        yield bytes(int(word, 2) for word in words)


def _unmasked(found: bytes) -> Iterator[bytes]:
    """ASCII may be other text under a key of one byte."""
    if not found.isascii() or len(found) > _MOST_MASKED:
        return
    for key in _KEYS:
        text = found.translate(key)
        if not text.translate(None, PRINTED):
            yield text

"""Certificates in PEM texts, read as far as it takes to know them for such."""

import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")
_SEQUENCE, _BIT_STRING = 0x30, 0x03


def certificates_in(pem: bytes) -> list[bytes]:
    """The certificates (DER) of a PEM text, each once. Whatever else is in it is dropped: one bad block in a bundle
    makes some clients refuse it as a whole."""
    found: dict[bytes, None] = {}
    for block in _BLOCK.findall(pem):
        try:
            der = binascii.a2b_base64(b"".join(block.split()), strict_mode=True)
        except binascii.Error:
            continue
        if _is_shaped(der):
            found[der] = None
    return list(found)


def _is_shaped(der: bytes) -> bool:
    """Whether it is what a certificate is (RFC 5280 4.1): a sequence of two sequences and a string of bits, no more.

    The parsers at hand would take 40 ms for a bundle, or refuse old roots that browsers still trust.
    """
    outer = _elements(der)
    return [tag for tag, _ in outer] == [_SEQUENCE] and [tag for tag, _ in _elements(outer[0][1])] == [
        *(_SEQUENCE, _SEQUENCE),
        _BIT_STRING,
    ]


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """The DER elements that the bytes are made of, one after the other; none where they do not come out even."""
    found: list[tuple[int, bytes]] = []
    place = 0
    while place < len(der):
        start, length = header_of(der, place)
        if start + length > len(der):
            return []
        found.append((der[place], der[start : start + length]))
        place = start + length
    return found


def header_of(der: bytes, place: int) -> tuple[int, int]:
    """Where the content of the element at `place` begins, and how long it says it is."""
    short = int.from_bytes(der[place + 1 : place + 2])
    if short < 0x80:
        return place + 2, short
    start = place + 2 + (short & 0x7F)
    return start, int.from_bytes(der[place + 2 : start])

"""Whether decoded bytes are worth another look: decoding anything but text and packed content leads nowhere."""

import re
from typing import Final

_SHORTEST: Final = 8
LONG: Final = 256
"""Bytes that are looked at whatever they are."""

PRINTED: Final = bytes(range(32, 127)) + b"\t\n\r"
"""What text is made of."""

PACKINGS: Final = (
    b"\x1f\x8b\x08\0",
    b"x\x9c",
    b"x\xda",
    b"x\x01",
    b"x^",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\xfd7zX",
    b"\xff\xfe",
    b"\xfe\xff",
    b"PK\x03\x04",
)
"""How packed content begins."""

_AT_FIRST: Final = (b"\xff\xfe", b"\xfe\xff", b"\x5d\0\0")
_ANYWHERE: Final = re.compile(
    b"|".join(map(re.escape, (b"\x1f\x8b\x08", *(packing for packing in PACKINGS[1:] if packing not in _AT_FIRST))))
)


def is_worth_reading(data: bytes) -> bool:
    """Whether decoded bytes are more than noise: mostly text (in UTF-16, too), long, or the beginning of a packing."""
    return len(data) >= LONG or is_plain(data)


def is_text(data: bytes) -> bool:
    """Whether they are nothing but text, and enough of it for a secret."""
    return len(data) >= _SHORTEST and not data.translate(None, PRINTED)


def is_plain(data: bytes) -> bool:
    """Whether they are mostly text, in UTF-16, too, or a packing may begin in them."""
    others = len(data.translate(None, PRINTED))
    if (3 if len(data) > 64 else 5) * others <= len(data) or 5 * data.count(0) >= 2 * len(data):
        return True
    return may_be_packed(data) or is_utf8(data)


def may_be_packed(data: bytes) -> bool:
    """Whether a packing may begin somewhere in the data."""
    return data.startswith(_AT_FIRST) or _ANYWHERE.search(data) is not None


def is_utf8(data: bytes) -> bool:
    """Whether it is text in UTF-8, but for what cutting did at both ends."""
    return len(data.decode("utf-8", "ignore").encode()) + 6 >= len(data) >= 16

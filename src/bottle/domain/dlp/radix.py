"""How values are written in other alphabets. Each function gives what the value alone determines of the text that
holds it, wherever in the encoded data it stands."""

import base64
from collections.abc import Callable, Iterator
from typing import Final

_BASE58: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_FLICKR58: Final = b"123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_BASE45: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_BASE36: Final = b"0123456789abcdefghijklmnopqrstuvwxyz"
_BASE62: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS62: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UU: Final = bytes(range(33, 96))
_ZERO85: Final = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_RFC1924: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_TO_UU: Final = bytes.maketrans(_BASE64, b"`" + _UU)
_TO_BCRYPT: Final = bytes.maketrans(_BASE64, b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_TO_XX: Final = bytes.maketrans(_BASE64, b"+-" + _BASE62)
_TO_ZERO85: Final = bytes.maketrans(_RFC1924, _ZERO85)
_TO_HEX_32: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
_TO_CROCKFORD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")

_TO_Z: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"ybndrfg8ejkmcpqxot1uwisza345h769")
_HEX: Final = b"0123456789abcdef"
_TO_BASES: Final = bytes.maketrans(b"0123", b"ACGT")
_LETTERS_FOR_HEX: Final = (
    bytes.maketrans(_HEX, b"abcdefghijklmnop"),
    bytes.maketrans(_HEX, b"cbdefghijklnrtuv"),  # what keys type that may meet any keyboard
)


def grouped(value: bytes, encode: Callable[[bytes], bytes], size: int, width: int) -> Iterator[bytes]:
    """The value in an encoding that turns `size` bytes into `width` characters of bits, for each place within a group
    at which it can begin: the characters that hold no bit of what stands around it."""
    bits = 8 * size // width
    for offset in range(size):
        encoded = encode(bytes(offset) + value + bytes(-(offset + len(value)) % size))
        yield encoded[-(-8 * offset // bits) : 8 * (offset + len(value)) // bits]


def base64s(value: bytes) -> Iterator[bytes]:
    """Base64 and what uses its groups under another alphabet (uuencode, xxencode, bcrypt)."""
    for core in grouped(value, base64.b64encode, 3, 4):
        yield core
        yield core.translate(_TO_UU)
        yield core.translate(_TO_XX)
        yield core.translate(_TO_BCRYPT)


def base32s(value: bytes) -> Iterator[bytes]:
    """Base32 in the alphabets of RFC 4648, Crockford's, and that of z-base-32."""
    for core in grouped(value, base64.b32encode, 5, 8):
        yield core
        yield core.translate(_TO_HEX_32)
        yield core.translate(_TO_CROCKFORD)
        yield core.translate(_TO_Z)


def base85s(value: bytes) -> Iterator[bytes]:
    """Ascii85, RFC 1924 and Z85: the groups that lie within the value."""
    for offset in range(4):
        inner = value[-offset % 4 :]
        inner = inner[: len(inner) // 4 * 4]
        rfc = base64.b85encode(inner)
        yield base64.a85encode(inner)
        yield rfc
        yield rfc.translate(_TO_ZERO85)


def base45s(value: bytes) -> Iterator[bytes]:
    """Base45 (RFC 9285): the pairs that lie within the value."""
    for offset in range(2):
        pairs = (int.from_bytes(value[at : at + 2]) for at in range(offset, len(value) - 1, 2))
        yield b"".join(bytes((_BASE45[pair % 45], _BASE45[pair // 45 % 45], _BASE45[pair // 2025])) for pair in pairs)


def numbers(value: bytes) -> Iterator[bytes]:
    """The codes of the characters, in one row or with a word before each."""
    for table in _LETTERS_FOR_HEX:
        yield value.hex().encode().translate(table)
    fours = b"".join(b"%d%d%d%d" % (code >> 6, code >> 4 & 3, code >> 2 & 3, code & 3) for code in value)
    yield fours
    yield fours.translate(_TO_BASES)
    for digits in ("%02x", "%d", "%03d", "%o", "%03o"):
        yield b"".join((digits % code).encode() for code in value)
    yield b"".join(f"{code:08b}".encode() for code in value)
    yield b"".join(f"{code:07b}".encode() for code in value)
    for before in (
        "x%02x",
        "0x%02x",
        "0x%x",
        "u00%02x",
        "u0000%02x",
        "%02xh",
        "chr%d",
        "char%d",
        "char0x%02x",
        "0o%o",
        "\\0%o",
        "16#%02x",
    ):
        yield b"".join((before % code).encode() for code in value)
    yield b"".join(f"0b{code:08b}".encode() for code in value)


def words(value: bytes) -> Iterator[bytes]:
    """Hexadecimal in words: a character to each, or several bytes, the last of which is written first; those that lie
    within the value."""
    for digits in ("%06x", "%08x"):
        yield b"".join((digits % code).encode() for code in value)
    for size in (4, 8):
        for offset in range(size):
            starts = range(offset, len(value) - size + 1, size)
            yield b"".join(value[at : at + size][::-1].hex().encode() for at in starts)


def apart(value: bytes) -> Iterator[bytes]:
    """Base64 of a few characters at a time, and each in UTF-7 by itself."""
    for size in (1, 2, 4, 5, 7, 8):
        parts = (value[at : at + size] for at in range(0, len(value), size))
        yield b"".join(base64.b64encode(part).rstrip(b"=") for part in parts)
    yield b"".join(base64.b64encode(bytes((0, code))).rstrip(b"=") for code in value)


def whole(value: bytes) -> Iterator[bytes]:
    """The value as one number, which has nothing in common with what the same bytes are within more."""
    for alphabet in (_BASE58, _FLICKR58, _BASE62, _LETTERS62, _BASE36):
        yield _positional(value, alphabet)
    yield from (digits % int.from_bytes(value) for digits in (b"%d", b"%o"))


def _positional(value: bytes, alphabet: bytes) -> bytes:
    number, digits = int.from_bytes(value), bytearray()
    while number:
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return bytes(reversed(digits))

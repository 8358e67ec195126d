"""What one step makes of a value: encodings, packings, disguises, layouts, none of them by the scanner's own code."""

import base64
import bz2
import codecs
import gzip
import json
import lzma
import urllib.parse
import zlib
from collections.abc import Callable
from functools import partial

import zstandard

from tests.dlp.disguised import HIDDEN, SPELLED_OUT
from tests.dlp.scanning import Spelling, characters_of


def _each(form: str) -> Spelling:
    return lambda value: b"".join((form % code).encode() for code in value)


def _characters(form: str) -> Spelling:
    """Each character of UTF-8, or each byte of what is none."""
    return lambda value: "".join(form % ord(character) for character in characters_of(value)).encode()


def _between(separator: str) -> Spelling:
    return lambda value: separator.join(characters_of(value)).encode()


def _wrapped(value: bytes) -> bytes:
    text = base64.b64encode(b"a line before it: " + value + b" and after")
    return b"\r\n".join(text[at : at + 19] for at in range(0, len(text), 19))


def _wide(value: bytes) -> bytes:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in characters_of(value)).encode()


def _alike(value: bytes) -> bytes:
    return value.decode().translate(str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")).encode()


def base58(value: bytes) -> bytes:
    number, digits = int.from_bytes(value), ""
    while number:
        number, digit = divmod(number, 58)
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + digits
    return digits.encode()


def base45(value: bytes) -> bytes:
    """RFC 9285 4, straight from its text."""
    alphabet, written = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", bytearray()
    for at in range(0, len(value), 2):
        pair = value[at : at + 2]
        number = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            written.append(alphabet[digit])
    return bytes(written)


def _dump(address: str, row: Callable[[bytes], str], width: int = 16) -> Spelling:
    """A listing: for each row its address, and what the row prints."""

    def listed(value: bytes) -> bytes:
        rows = ((at, value[at : at + width]) for at in range(0, len(value), width))
        return b"\n" + "\n".join(address % at + row(part) for at, part in rows).encode() + b"\n"

    return listed


def _pairs(form: str) -> Callable[[bytes], str]:
    """Words of two bytes, the second of which is printed first."""
    return lambda row: " ".join(form % int.from_bytes(row[at : at + 2], "little") for at in range(0, len(row), 2))


def _shown(row: bytes) -> str:
    return row.decode("latin-1")


DUMPS: dict[str, Spelling] = {
    "xxd": _dump("%08x: ", lambda row: f"{row.hex(' ', -2):<39}  {_shown(row)}"),
    "xxd -b": _dump("%08x: ", lambda row: " ".join(f"{code:08b}" for code in row) + f"  {_shown(row)}", 6),
    "hexdump": _dump("%07x ", _pairs("%04x")),
    "hexdump -C": _dump("%08x  ", lambda row: f"{row[:8].hex(' ')}  {row[8:].hex(' ')}  |{_shown(row)}|"),
    "od": _dump("%07o ", _pairs("%06o")),
    "od -d": _dump("%07o ", _pairs("%5d")),
    "od -c": _dump("%07o   ", lambda row: "   ".join(_shown(row))),
    "od -b": _dump("%07o ", lambda row: " ".join(f"{code:03o}" for code in row)),
    "od -tu1": _dump("%07o ", lambda row: " ".join(f"{code:3d}" for code in row)),
}


def _mapped(first_letter: int, first_digit: int) -> Spelling:
    """Letters and digits of another block of Unicode."""

    def mapped(value: bytes) -> bytes:
        return "".join(
            chr(first_digit + int(one)) if one.isdigit() and first_digit else
            chr(first_letter + ord(one.upper()) - 65) if one.isalpha() and first_letter else one
            for one in characters_of(value)
        ).encode()  # fmt: skip

    return mapped


def _bad_checksum(value: bytes) -> bytes:
    return gzip.compress(value)[:-8] + b"\xde\xad\xbe\xef" * 2


_FIVE_FURTHER = str.maketrans("0123456789", "5678901234")


KNOWN_ALONE: dict[str, Spelling] = {
    **SPELLED_OUT,
    "EBCDIC, base64": lambda value: base64.b64encode(value.decode().encode("cp037")),
    "codes with a type": lambda value: "+".join(f"(char){code}" for code in value).encode(),
    "each twice": lambda value: b"".join(bytes((code, code)) for code in value),
    "each under its number": lambda value: b"\n".join(b"%d,%c" % one for one in enumerate(value)),
    "each under its number in JSON": lambda value: json.dumps(dict(enumerate(value.decode()))).encode(),
    "each under a name": lambda value: json.dumps([{"char": one} for one in value.decode()]).encode(),
    "rot18": lambda value: codecs.encode(value.decode(), "rot13").translate(_FIVE_FURTHER).encode(),
    "one code further": lambda value: bytes(code + 1 for code in value),
    "three codes back": lambda value: bytes(code - 3 for code in value),
    "base64, rot13": lambda value: codecs.encode(base64.b64encode(value).decode(), "rot13").encode(),
    "base58 with the end of its line": lambda value: base58(value + b"\n"),
}

ONE_STEP: dict[str, Spelling] = {
    **DUMPS,
    **KNOWN_ALONE,
    **HIDDEN,
    "a terminal's colours between": _between("\x1b[0m"),
    "letters in boxes": _mapped(0x1F170, 0),
    "letters on flags": _mapped(0x1F1E6, 0),
    "digits of another script": _mapped(0, 0x660),
    "amid markup": lambda value: "".join(f"<c>{one}</c>" for one in characters_of(value)).encode(),
    "bullets between": _between("\u00b7"),
    "a list over lines": lambda value: json.dumps(list(characters_of(value)), indent=4).encode(),
    "gzip with a wrong checksum": _bad_checksum,
    "gzip cut off": lambda value: gzip.compress(value)[:-8],
    "gzip as Latin letters in JSON": lambda value: json.dumps(gzip.compress(value).decode("latin-1")).encode(),
    "gzip with percent": lambda value: urllib.parse.quote(gzip.compress(value)).encode(),
    "braces in JSON": lambda value: json.dumps("".join(f"\\u{{{code:x}}}" for code in value)).encode(),
    "as it is": bytes,
    "upper case": bytes.upper,
    "swapped case": bytes.swapcase,
    "base64": base64.b64encode,
    "base64 one byte later": lambda value: base64.b64encode(b"x" + value + b"yy"),
    "base64 two bytes later": lambda value: base64.b64encode(b"xx" + value),
    "base64 for URLs, no padding": lambda value: base64.urlsafe_b64encode(value).rstrip(b"="),
    "base64, wrapped": _wrapped,
    "base64 of UTF-16": lambda value: base64.b64encode(characters_of(value).encode("utf-16-le")),
    "base32": base64.b32encode,
    "base32 three bytes later, lower case": lambda value: base64.b32encode(b"abc" + value).lower().rstrip(b"="),
    "base32hex": base64.b32hexencode,
    "base85": base64.b85encode,
    "ascii85": base64.a85encode,
    "ascii85 one byte later": lambda value: base64.a85encode(b"x" + value),
    "base45": lambda value: base45(value),
    "uuencode": lambda value: codecs.encode(value, "uu"),
    "base58": base58,
    "hexadecimal": lambda value: value.hex().encode(),
    "hexadecimal, upper case": lambda value: value.hex().upper().encode(),
    "hexadecimal with colons": lambda value: value.hex(":").encode(),
    "hexadecimal with spaces": lambda value: value.hex(" ", 2).encode(),
    "hexadecimal with 0x": lambda value: ", ".join(hex(code) for code in value).encode(),
    "backslash x": _each("\\x%02x"),
    "backslash u": _characters("\\u%04x"),
    "backslash u in braces": _characters("\\u{%x}"),
    "octal": _each("\\%03o"),
    "a dump": lambda value: "\n".join(
        f"{at:08x}  {value[at : at + 16].hex(' ')}" for at in range(0, len(value), 16)
    ).encode(),
    "percent": _each("%%%02x"),
    "percent, twice": _each("%%25%02X"),
    "percent u": _characters("%%u%04x"),
    "decimal references": _characters("&#%d;"),
    "hexadecimal references": _characters("&#x%x;"),
    "quoted-printable": _each("=%02X"),
    "decimal codes": lambda value: ", ".join(map(str, value)).encode(),
    "octal codes": lambda value: " ".join(f"{code:o}" for code in value).encode(),
    "binary codes": lambda value: " ".join(f"{code:08b}" for code in value).encode(),
    "UTF-7": lambda value: b"+" + base64.b64encode(characters_of(value).encode("utf-16-be")).rstrip(b"=") + b"-",
    "UTF-16": lambda value: characters_of(value).encode("utf-16"),
    "UTF-16, other order": lambda value: characters_of(value).encode("utf-16-be"),
    "UTF-32": lambda value: characters_of(value).encode("utf-32"),
    "full width": _wide,
    "look-alikes": _alike,
    "reversed": lambda value: value[::-1],
    "base64, reversed": lambda value: base64.b64encode(value)[::-1],
    "reversed, base64": lambda value: base64.b64encode(value[::-1]),
    "rot13": lambda value: codecs.encode(value.decode(), "rot13").encode(),
    "rot47": lambda value: bytes(33 + (code - 33 + 47) % 94 for code in value),
    "dots between": _between("."),
    "spaces between": _between(" "),
    "zero-width spaces between": _between("\u200b"),
    "soft hyphens between": _between("\u00ad"),
    "zero bytes between": _between("\0"),
    "escaped zero bytes between": _between("\\u0000"),
    "gzip": partial(gzip.compress, mtime=0),
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda value: zstandard.ZstdCompressor().compress(value),
}

"""What one step makes of a value: encodings, packings, disguises, layouts, none of them by the scanner's own code."""

import base64
import bz2
import codecs
import gzip
import json
import lzma
import unicodedata
import urllib.parse
import zlib
from collections.abc import Callable
from functools import partial

import zstandard

from tests.dlp.scanning import Spelling


def _each(form: str) -> Spelling:
    return lambda value: b"".join((form % code).encode() for code in value)


def _characters(form: str) -> Spelling:
    """Each character of UTF-8, or each byte of what is none."""
    return lambda value: "".join(form % ord(character) for character in _text(value)).encode()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _between(separator: str) -> Spelling:
    return lambda value: separator.join(_text(value)).encode()


def _wrapped(value: bytes) -> bytes:
    text = base64.b64encode(b"a line before it: " + value + b" and after")
    return b"\r\n".join(text[at : at + 19] for at in range(0, len(text), 19))


def _wide(value: bytes) -> bytes:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in _text(value)).encode()


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
            for one in _text(value)
        ).encode()  # fmt: skip

    return mapped


def _bad_checksum(value: bytes) -> bytes:
    return gzip.compress(value)[:-8] + b"\xde\xad\xbe\xef" * 2


_FIVE_FURTHER = str.maketrans("0123456789", "5678901234")


def _bits_as(zero: str, one: str, between: str = "") -> Spelling:
    """The bits of each byte as two characters, amid words that anybody sees."""

    def hidden(value: bytes) -> bytes:
        bits = between.join(f"{code:08b}" for code in value).replace("0", zero).replace("1", one)
        return f"nothing to {bits[:40]}see here{bits[40:]}, it says".encode()

    return hidden


def _block(first: int) -> Spelling:
    return lambda value: "".join(chr(first + code) for code in value).encode()


def _selectors(value: bytes) -> bytes:
    """Behind a smile, a variation selector for each byte."""
    return "\U0001f600".encode() + "".join(chr(code + (0xFE00 if code < 16 else 0xE00F0)) for code in value).encode()


_CODES = (
    "A.-", "B-...", "C-.-.", "D-..", "E.", "F..-.", "G--.", "H....", "I..", "J.---", "K-.-", "L.-..", "M--", "N-.",
    "O---", "P.--.", "Q--.-", "R.-.", "S...", "T-", "U..-", "V...-", "W.--", "X-..-", "Y-.--", "Z--..", "0-----",
    "1.----", "2..---", "3...--", "4....-", "5.....", "6-....", "7--...", "8---..", "9----.", "--....-", "_..--.-",
)  # fmt: skip
_MORSE = {code[0]: code[1:] for code in _CODES}


def _morse(between: str) -> Spelling:
    return lambda value: between.join(_MORSE.get(one, "/") for one in _text(value).upper()).encode()


_ICAO = (
    "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett", "Kilo", "Lima", "Mike",
    "November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray",
    "Yankee", "Zulu",
)  # fmt: skip
_NATO = {word[0]: word for word in _ICAO}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FIGURES = {str(digit): word for digit, word in enumerate(_DIGITS)}


def _spelled(signs: dict[str, str]) -> Spelling:
    return lambda value: " ".join(signs.get(one.upper(), one) for one in _text(value)).encode()


def _hex(value: bytes) -> bytes:
    return value.hex().encode()


def _to_alphabet(encode: Spelling, usual: str, other: str) -> Spelling:
    return lambda value: encode(value).rstrip(b"=").translate(bytes.maketrans(usual.encode(), other.encode()))


_SMALL = str.maketrans(
    "abcdefghijklmnoprtuvwz", "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d"
    "\u0274\u1d0f\u1d18\u0280\u1d1b\u1d1c\u1d20\u1d21\u1d22"
)  # fmt: skip
_A_TO_Z = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_64 = f"{_A_TO_Z}{_A_TO_Z.lower()}0123456789+/"

KNOWN_ALONE: dict[str, Spelling] = {
    "telephone alphabet": _spelled({**_NATO, **_FIGURES, "-": "dash", "_": "underscore"}),
    "telephone alphabet, figures as they are": _spelled(_NATO),
    "digits as words": _spelled(_FIGURES),
    "names of characters": lambda value: "".join(f"\\N{{{unicodedata.name(one)}}}" for one in _text(value)).encode(),
    "letters by number": _spelled({letter: str(place) for place, letter in enumerate(_A_TO_Z, 1)}),
    "leet": lambda value: value.translate(bytes.maketrans(b"aeioAEIO", b"43104310")),
    "Morse": _morse(" "),
    "Morse with slashes": _morse(" / "),
    "z-base-32": _to_alphabet(base64.b32encode, f"{_A_TO_Z}234567", "ybndrfg8ejkmcpqxot1uwisza345h769"),
    "base64 as bcrypt has it": _to_alphabet(base64.b64encode, _64, f"./{_64[:62]}"),
    "hexadecimal in letters": _to_alphabet(_hex, "0123456789abcdef", "abcdefghijklmnop"),
    "hexadecimal for any keyboard": _to_alphabet(_hex, "0123456789abcdef", "cbdefghijklnrtuv"),
    "words of four bytes, the last one first": lambda value: b" ".join(
        b"%08x" % int.from_bytes(value[at : at + 4], "little") for at in range(0, len(value), 4)
    ),
    "words of eight bytes, the last one first": lambda value: b" ".join(
        b"%016x" % int.from_bytes((b"." + value)[at : at + 8], "little") for at in range(0, len(value), 8)
    ),
    "every other character first": lambda value: value[::2] + value[1::2],
    "base64 of each character": lambda value: b",".join(base64.b64encode(bytes((code,))) for code in value),
    "base64 of four characters at a time, no padding": lambda value: b"\n".join(
        base64.b64encode(value[at : at + 4]).rstrip(b"=") for at in range(0, len(value), 4)
    ),
    "each in UTF-7": lambda value: b"".join(
        b"+%b-" % base64.b64encode(bytes((0, code))).rstrip(b"=") for code in value
    ),
    "UTF-32, hexadecimal": lambda value: _text(value).encode("utf-32-be").hex().encode(),
    "CSS, six digits": _each("\\%06x"),
    "bits in pairs, as bases": lambda value: "".join(
        "ACGT"[code >> at & 3] for code in value for at in (6, 4, 2, 0)
    ).encode(),
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
    "a terminal's colours between": _between("\x1b[0m"),
    "letters in boxes": _mapped(0x1F170, 0),
    "letters on flags": _mapped(0x1F1E6, 0),
    "digits of another script": _mapped(0, 0x660),
    "amid markup": lambda value: "".join(f"<c>{one}</c>" for one in _text(value)).encode(),
    "longer UTF-8 than needed": lambda value: bytes(
        byte for code in value for byte in (0xC0 | code >> 6, 0x80 | code & 63)
    ),
    "longer UTF-8 than needed, with percent": lambda value: "".join(
        f"%{0xC0 | code >> 6:02X}%{0x80 | code & 63:02X}" for code in value
    ).encode(),
    "comments between": lambda value: b"<!-- here -->".join(value[at : at + 3] for at in range(0, len(value), 3)),
    "small capitals": lambda value: _text(value).translate(_SMALL).encode(),
    "bits that nobody sees": _bits_as("\u200b", "\u200c"),
    "bits that nobody sees, the other way": _bits_as("\u200d", "\u2060"),
    "bits that nobody sees, byte by byte": _bits_as("\u200c", "\u200d", "\ufeff"),
    "variation selectors": _selectors,
    "variation selectors in JSON": lambda value: json.dumps(_selectors(value).decode()).encode(),
    "Braille by number": _block(0x2800),
    "private use": _block(0xE000),
    "bullets between": _between("\u00b7"),
    "a list over lines": lambda value: json.dumps(list(_text(value)), indent=4).encode(),
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
    "base64 of UTF-16": lambda value: base64.b64encode(_text(value).encode("utf-16-le")),
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
    "UTF-7": lambda value: b"+" + base64.b64encode(_text(value).encode("utf-16-be")).rstrip(b"=") + b"-",
    "UTF-16": lambda value: _text(value).encode("utf-16"),
    "UTF-16, other order": lambda value: _text(value).encode("utf-16-be"),
    "UTF-32": lambda value: _text(value).encode("utf-32"),
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

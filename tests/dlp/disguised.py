"""What one step makes of a value where letters stand for bytes: spelled out, in other alphabets, or out of sight."""

import base64
import json
import unicodedata

from tests.dlp.scanning import Spelling, characters_of


def _bits_as(zero: str, one: str, between: str = "", form: str = "08b") -> Spelling:
    """The bits of each byte as two characters, amid words that anybody sees."""

    def hidden(value: bytes) -> bytes:
        bits = between.join(format(code, form) for code in value).replace("0", zero).replace("1", one)
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
    return lambda value: between.join(_MORSE.get(one, "/") for one in characters_of(value).upper()).encode()


_ICAO = (
    "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett", "Kilo", "Lima", "Mike",
    "November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray",
    "Yankee", "Zulu",
)  # fmt: skip
_NATO = {word[0]: word for word in _ICAO}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FIGURES = {str(digit): word for digit, word in enumerate(_DIGITS)}


def _spelled(signs: dict[str, str]) -> Spelling:
    return lambda value: " ".join(signs.get(one.upper(), one) for one in characters_of(value)).encode()


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

SPELLED_OUT: dict[str, Spelling] = {
    "telephone alphabet": _spelled({**_NATO, **_FIGURES, "-": "dash", "_": "underscore"}),
    "telephone alphabet, figures as they are": _spelled(_NATO),
    "digits as words": _spelled(_FIGURES),
    "names of characters": lambda value: "".join(
        f"\\N{{{unicodedata.name(one)}}}" for one in characters_of(value)
    ).encode(),
    "letters by number": _spelled({letter: str(place) for place, letter in enumerate(_A_TO_Z, 1)}),
    "leet": lambda value: value.translate(bytes.maketrans(b"aeioAEIO", b"43104310")),
    "more leet": lambda value: value.translate(bytes.maketrans(b"aeiostAEIOST", b"431057431057")),
    "most leet": lambda value: value.translate(bytes.maketrans(b"aeiostbglAEIOSTBGL", b"431057891431057891")),
    "Morse": _morse(" "),
    "Morse with slashes": _morse(" / "),
    "Morse with low lines": lambda value: _morse(" ")(value).replace(b"-", b"_"),
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
    "UTF-32, hexadecimal": lambda value: characters_of(value).encode("utf-32-be").hex().encode(),
    "CSS, six digits": lambda value: b"".join(b"\\%06x" % code for code in value),
    "bits in pairs, as bases": lambda value: "".join(
        "ACGT"[code >> at & 3] for code in value for at in (6, 4, 2, 0)
    ).encode(),
}
"""Found for registered values alone."""

HIDDEN: dict[str, Spelling] = {
    "longer UTF-8 than needed": lambda value: bytes(
        byte for code in value for byte in (0xC0 | code >> 6, 0x80 | code & 63)
    ),
    "longer UTF-8 than needed, with percent": lambda value: "".join(
        f"%{0xC0 | code >> 6:02X}%{0x80 | code & 63:02X}" for code in value
    ).encode(),
    "comments between": lambda value: b"<!-- here -->".join(value[at : at + 3] for at in range(0, len(value), 3)),
    "small capitals": lambda value: characters_of(value).translate(_SMALL).encode(),
    "bits that nobody sees": _bits_as("\u200b", "\u200c"),
    "bits that nobody sees, the other way": _bits_as("\u200d", "\u2060"),
    "bits that nobody sees, byte by byte": _bits_as("\u200c", "\u200d", "\ufeff"),
    "bits that nobody sees, no more than each byte needs": _bits_as("\u200c", "\u200d", "\ufeff", "b"),
    "variation selectors": _selectors,
    "variation selectors in JSON": lambda value: json.dumps(_selectors(value).decode()).encode(),
    "Braille by number": _block(0x2800),
    "private use": _block(0xE000),
}

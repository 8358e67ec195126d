"""Morse code read back."""

import re
from collections.abc import Iterator
from typing import Final

MARKS: Final = (b".-", b"-.", b"._", b"_.")
"""One of them stands in every row that says something."""
TELLING: Final = rb"([._-]{1,6}[ /|\t]{1,3}){12}"
"""Matches where at least twelve signs stand together."""

_ROW: Final = re.compile(rb"(?:[._-]{1,6}[ /|\t\r\n]{1,4}){11,}[._-]{1,6}")
_SIGN: Final = re.compile(rb"[._-]+")

# ITU-R M.1677-1, Part I, 1.1: letters, figures, and the marks that tokens have.
_LETTERS: Final = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
)
_FIGURES: Final = "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
_SIGNS: Final = {
    code.encode(): sign.encode()
    for code, sign in zip(
        f"{_LETTERS} {_FIGURES} -....- ..--.- .-.-.- -...- .-.-. -..-.".split(),
        "abcdefghijklmnopqrstuvwxyz0123456789-_.=+/",
        strict=True,
    )
}


def from_morse(text: bytes) -> Iterator[bytes]:
    """What rows of dots and dashes say, in lower case: Morse has one."""
    for row in _ROW.finditer(text):
        codes = _SIGN.findall(row[0].replace(b"_", b"-"))
        yield b"".join(_SIGNS.get(code, b"") for code in codes)

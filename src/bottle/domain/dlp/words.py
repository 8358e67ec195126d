"""Values spelled out, a word or a number for each sign: as over a telephone, or as Unicode names them."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

# The alphabet of ICAO (Annex 10, Volume II, 5.2.1.3), in the spelling of English texts.
_TELEPHONE: Final = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee",
    "zulu",
)  # fmt: skip
_AS_ICAO: Final = {"a": "alfa", "j": "juliett"}
_FIGURES: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS: Final = {str(figure): word for figure, word in enumerate(_FIGURES)}
_SIGNS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"-": "dash", "_": "underscore"},
    {"-": "hyphen", "_": "underscore"},
)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SPOKEN: Final = {word[0]: word for word in _TELEPHONE}
_LEET: Final = ({"a": "4", "e": "3", "i": "1", "o": "0"}, {"s": "5", "t": "7"}, {"b": "8", "g": "9", "l": "1"})


def spelled_out(value: bytes) -> Iterator[bytes]:
    """The value, without regard to case, in each of these ways. What is no ASCII is spelled in none."""
    text = value.decode("latin-1").lower()
    if not text.isascii():
        return
    for signs in _SIGNS:
        for digits in ({}, _DIGITS):
            for letters in (_SPOKEN, _SPOKEN | _AS_ICAO):
                yield _each(text, {**letters, **digits, **signs})
    yield _each(text, _DIGITS)
    yield from _by_number(text)
    yield from _disguised(text)
    yield from _named(value.decode("ascii"))


def _by_number(text: str) -> Iterator[bytes]:
    """Letters by their place in the alphabet."""
    for form in ("%d", "%02d"):
        yield _each(text, {letter: form % place for place, letter in enumerate(_LETTERS, 1)})


def _disguised(text: str) -> Iterator[bytes]:
    """Digits that look like the letters in whose place they stand: the usual ones, and more of them."""
    table: dict[str, str] = {}
    for more in _LEET:
        table |= more
        yield _each(text, table)


def _named(text: str) -> Iterator[bytes]:
    """Unicode's names, bare or as programs write them (`\\N{...}`)."""
    names = [unicodedata.name(sign, "") for sign in text]
    for before in ("", "n"):
        yield "".join(before + name for name in names).encode()


def _each(text: str, table: Mapping[str, str]) -> bytes:
    return "".join(table.get(sign, sign) for sign in text).encode()

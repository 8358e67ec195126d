"""Bytes under characters that nobody reads: each sign or bit is a character of its own, chosen by its number alone.

Variation selectors and zero-width characters are not drawn at all, patterns of Braille and characters for private use
are drawn as something else; editors and pages keep them all, so they carry text through what only looks at letters.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final

_SELECTORS: Final = {chr(0xFE00 + code): code for code in range(16)} | {
    chr(0xE0100 + code): code + 16 for code in range(240)
}
_CARRIERS: Final = _SELECTORS | {chr(block + code): code for block in (0x2800, 0xE000, 0xF000) for code in range(256)}
_ROW: Final = re.compile(
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{6,}|[\u2800-\u28ff]{8,}|[\ue000-\ue0ff\uf000-\uf0ff]{8,}"
)

_UNSEEN: Final = "\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u180e"
_ALL_UNSEEN: Final = frozenset(_UNSEEN)
_NOT_UNSEEN: Final = re.compile(f"[^{_UNSEEN}]+")
_FEWEST_BITS: Final = 56  # eight signs of seven bits


def revealed(data: bytes, foreign: str, kinds: AbstractSet[str]) -> bytes:
    """UTF-8 text with what is hidden in it: in the place of rows of such characters, and behind it what its bits say.
    `foreign` is what in it is no ASCII, and `kinds` the characters that occur there."""
    said = _bits(_NOT_UNSEEN.sub("", foreign)) if len(kinds & _ALL_UNSEEN) >= 2 else ""
    if not kinds.isdisjoint(_CARRIERS) and _ROW.search(foreign):
        data = _ROW.sub(_carried, data.decode("utf-8", "ignore")).encode()
    return b"%b\n%b" % (data, said.encode()) if said else data


def _carried(row: "re.Match[str]") -> str:
    return bytes(_CARRIERS[sign] for sign in row[0]).decode("utf-8", "ignore")


def _bits(row: str) -> str:
    """What the two most usual characters say, each of them as the one and as the zero; others stand between."""
    if len(row) < _FEWEST_BITS:
        return ""
    *others, first, second = sorted(set(row), key=row.count)
    words = re.split(f"[{''.join(others)}]+", row) if others else [row]
    orders = (str.maketrans(first + second, digits) for digits in ("01", "10"))
    return "\n".join(sign for order in orders for sign in _signs([word.translate(order) for word in words if word]))


def _signs(words: list[str]) -> list[str]:
    """Eight binary digits to a sign, wherever they stand; or a word for each."""
    digits = "".join(words)
    rows = [int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8)]
    return [bytes(codes).decode("latin-1") for codes in (rows, [int(word, 2) % 256 for word in words])]

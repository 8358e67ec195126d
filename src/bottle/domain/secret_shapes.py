"""What a known value may be turned into as a whole, and how each of these is recognised at a place in the data.

A `Spelled` shape may have each of its characters written in several ways; a `Literal` stands as it is or not at all.
"""

import base64
import codecs
import re
from collections.abc import Iterator
from typing import Protocol

from bottle.domain.secret_spellings import (
    WIDEST_ESCAPE,
    Spellings,
    wrapped_in_base64,
    written,
    written_in_base64,
    written_in_hex,
)

_LONGEST_ANCHOR = 64
_LITERAL_ANCHOR = 16  # of many, short ones are found faster
_ANCHOR_WITHIN = 64  # characters from the beginning: what may begin before an anchor is complete is to be held back
_SHORTEST_HALVED = 12  # of an anchor
_SHORTEST_BENT = 12  # no word of this length is another one reversed, or in other letters, by chance
_SHORTEST_CUT = 28
_PLAIN_RUN = re.compile(rb"[A-Za-z0-9]+")
_HEX_SEPARATORS = (b" ", b":", b"-", b",", b", ", b" 0x", b",0x", b", 0x")
_NUMBER_SEPARATORS = (b",", b", ", b" ")

Anchors = dict[bytes, tuple[int, int]]
"""Texts of which one stands in every form without escapes in a row, with the steps from and to which each reaches."""


class Shape(Protocol):
    """One thing to look for. `leads` are what it begins with, unless that is escaped; `reach` is how far the end of
    the last anchor may be from the beginning; `first` and `alphabet` are the bytes that it may begin with and hold."""

    anchors: Anchors
    leads: tuple[bytes, ...]
    reach: int
    first: frozenset[int]
    alphabet: frozenset[int]

    def forward(self, data: bytes, at: int, step: int) -> tuple[int, bool]:
        """Where the form ends that goes on at a step (-1: nowhere), and whether the data ends before that is sure."""

    def backward(self, data: bytes, at: int, step: int) -> int:
        """Where the form begins that reaches a place with a step; -1 where it does not."""


class Literal:
    """A text that stands in the data as it is."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        anchor = text[:_LITERAL_ANCHOR]
        self.anchors: Anchors = {anchor: (0, len(anchor))}
        self.leads: tuple[bytes, ...] = (text[:3],)
        self.reach = len(anchor)
        self.first = frozenset(text[:1])
        self.alphabet = frozenset(text)

    def forward(self, data: bytes, at: int, step: int) -> tuple[int, bool]:
        rest = self._text[step:]
        if data.startswith(rest, at):
            return at + len(rest), False
        return -1, len(data) - at < len(rest) and rest.startswith(data[at:])

    def backward(self, data: bytes, at: int, step: int) -> int:
        start = at - step
        return start if start >= 0 and data.startswith(self._text[:step], start) else -1


class Spelled:
    """Texts of one length, with what each character may be written as. Escapes in a row are decoded to find them."""

    def __init__(self, texts: tuple[bytes, ...], steps: tuple[Spellings, ...], anchors: Anchors) -> None:
        self.texts = texts
        self.steps = steps
        self.anchors = anchors
        self._width = len(texts[0]) // len(steps)
        until = max(last for _, last in anchors.values())
        self.leads = _leads(texts, steps[1])
        self.reach = sum(max(map(len, step)) for step in steps[:until])
        self.longest = sum(min(max(map(len, step)), WIDEST_ESCAPE) for step in steps)
        self.first = frozenset(spelling[0] for spelling in steps[0])
        self.alphabet = frozenset(byte for step in steps for spelling in step for byte in spelling)

    def forward(self, data: bytes, at: int, step: int) -> tuple[int, bool]:
        rest = step * self._width
        if any(data.startswith(text[rest:], at) and text[-1:].isalnum() for text in self.texts):
            return at + len(self.texts[0]) - rest, False
        places, is_open = {at}, False
        for spellings in self.steps[step:]:
            following: set[int] = set()
            for place in places:
                if len(spellings[0]) == 1 and spellings[0].isalnum() and data.startswith(spellings[0], place):
                    following.add(place + 1)  # no other spelling begins with a letter or digit
                    continue
                following.update(place + len(one) for one in spellings if data.startswith(one, place))
                is_open = is_open or _breaks_off(data, place, spellings)
            if not following:
                return -1, is_open
            places = following
        return max(places), is_open

    def backward(self, data: bytes, at: int, step: int) -> int:
        start = at - step * self._width
        if start >= 0 and any(data.startswith(text[: at - start], start) for text in self.texts):
            return start
        places = {at}
        for spellings in reversed(self.steps[:step]):
            starts = {place - len(one) for place in places for one in spellings if place >= len(one)}
            places = {start for start in starts if any(_spans(data, start, one, places) for one in spellings)}
            if not places:
                return -1
        return min(places)


def shapes_of(value: bytes) -> Iterator[Shape]:
    """Everything to look for of a value."""
    plain = tuple(map(written, _characters(value)))
    yield Spelled((value,), plain, _plain_anchor(value))
    yield Spelled((value.hex().encode(), value.hex().upper().encode()), tuple(map(written_in_hex, _characters(value))),
                  _hex_anchors(value))  # fmt: skip
    for offset in range(3):
        core = _core(value, offset)
        other = core.translate(bytes.maketrans(b"+/", b"-_"))
        head, *rest = _characters(core)
        steps = (written_in_base64(head), *map(wrapped_in_base64, rest))
        yield Spelled(tuple(dict.fromkeys((core, other))), steps, _halved(_plain_anchor(core)))
    yield from map(Literal, dict.fromkeys(_literals(value)))


def as_header_name(text: bytes) -> bytes:
    """The text as the way out writes the name of a header."""
    return b"-".join(part.capitalize() for part in text.lower().split(b"-"))


def _literals(value: bytes) -> Iterator[bytes]:
    wide = value.decode("latin-1").encode("utf-16-le")
    yield wide[:-1]  # which stands in UTF-16 of either order
    for offset in range(3):
        yield _core(wide, offset)
    for offset in range(5):
        yield from (_core_32(value, offset), _core_32(value, offset).lower())
    for pairs in ([b"%02x" % code for code in value], [b"%02X" % code for code in value]):
        yield from (separator.join(pairs) for separator in _HEX_SEPARATORS)
    yield from (separator.join(b"%d" % code for code in value) for separator in _NUMBER_SEPARATORS)
    if len(value) >= _SHORTEST_BENT:
        rotated = codecs.encode(value.decode("latin-1"), "rot13").encode("latin-1")
        yield from {value[::-1], rotated, value.lower(), value.upper(), as_header_name(value)} - {value}
    if len(value) >= _SHORTEST_CUT:
        yield from (value[: len(value) // 2], value[len(value) // 2 :])


def _leads(texts: tuple[bytes, ...], second: Spellings) -> tuple[bytes, ...]:
    """The first three characters of each text; where a line may end behind the first, less of them."""
    if b"\n" + second[0] not in second:
        return tuple(text[:3] for text in texts)
    ends = (text[:1] + end for text in texts for end in (b"\n", b"\r", b"\\"))
    return tuple(dict.fromkeys([*(text[:2] for text in texts), *ends]))


def _breaks_off(data: bytes, place: int, spellings: Spellings) -> bool:
    rest = data[place : place + WIDEST_ESCAPE + 1]
    return any(len(rest) < len(one) and one.startswith(rest) for one in spellings)


def _spans(data: bytes, start: int, spelling: bytes, ends: set[int]) -> bool:
    return start + len(spelling) in ends and data.startswith(spelling, start)


def _characters(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


def _core(value: bytes, offset: int) -> bytes:
    """The characters of base64 that the value alone determines when it stands `offset` bytes behind a full group."""
    encoded = base64.b64encode(bytes(offset) + value)
    return encoded[-(-8 * offset // 6) : 8 * (offset + len(value)) // 6]


def _core_32(value: bytes, offset: int) -> bytes:
    """The same of base32."""
    encoded = base64.b32encode(bytes(offset) + value)
    return encoded[-(-8 * offset // 5) : 8 * (offset + len(value)) // 5]


def _plain_anchor(text: bytes) -> Anchors:
    """The longest run of letters and digits near the beginning: the search is the faster the longer it is."""
    runs = [match.span() for match in _PLAIN_RUN.finditer(text[:_ANCHOR_WITHIN])]
    first, last = max(runs, key=lambda span: span[1] - span[0], default=(0, 1))
    return {text[first:last]: (first, last)}


def _halved(anchors: Anchors) -> Anchors:
    """Two in the place of one: where a line ends in the one, the other is whole."""
    ((text, (first, last)),) = anchors.items()
    middle = first + len(text) // 2
    if len(text) < _SHORTEST_HALVED:
        return anchors
    return {text[: middle - first]: (first, middle), text[middle - first :]: (middle, last)}


def _hex_anchors(value: bytes) -> Anchors:
    digits = value[: _LONGEST_ANCHOR // 2].hex().encode()
    return {needle: (0, len(digits) // 2) for needle in (digits, digits.upper())}

"""The spellings in which a known value may stand in text, and the search for them in a stream.

Two things make a form. First what the whole value was turned into: itself, its hexadecimal digits (either case), or
base64 (either alphabet), where it begins at any of three places within the three bytes that four characters stand for.
Then how each character is written: as it is, percent-encoded (twice, too), as a JSON or JavaScript escape (`\\u0041`,
`\\x41`, `\\/`; in JSON within JSON, too), or as an HTML reference. Encoders leave letters and digits alone or escape
everything; so a form is found by a run of plain letters and digits of the value, or by six escapes in a row, and then
read to both ends.

Pure and incremental: however the data is cut, the same bytes are found.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final

SHORTEST: Final = 6
"""Shorter values are not looked for: they occur by chance."""

Span = tuple[int, int]
Steps = tuple[tuple[bytes, ...], ...]
Sieve = Callable[[bytes], bool]
"""Whether some regular expression of several matches in the data. It may say yes wrongly, never no."""

_LONGEST_ANCHOR = 64
_ANCHOR_WITHIN = 64  # characters from the beginning: what may begin before an anchor is complete is to be held back
_MARKS = (b"%", b"\\", b"&")
_WIDEST_ESCAPE = 9
_NAMED = {b"&": b"&amp;", b"<": b"&lt;", b">": b"&gt;", b'"': b"&quot;", b"'": b"&apos;"}
_ALPHABET_PAIRS = {b"+": b"-", b"-": b"+", b"/": b"_", b"_": b"/"}  # RFC 4648 5
_PLAIN_RUN = re.compile(rb"[A-Za-z0-9]+")
_HEX = rb"[2-7][0-9A-Fa-f]"
_TOKENS: Final = {
    b"%": re.compile(rb"%(?:25)?(" + _HEX + rb")"),
    b"\\": re.compile(rb"\\\\?(?:u00|x)(" + _HEX + rb")"),
    b"&": re.compile(rb"&#([xX]0?" + _HEX + rb"|0?[0-9]{2,3});"),
}
# Six in a row. The first stands apart, so that the search runs to its first byte at the speed of memchr.
_RUNS: Final = {
    mark: re.compile(token.pattern + rb"(?:" + token.pattern + rb"){5,}") for mark, token in _TOKENS.items()
}
_ESCAPES: Final = re.compile(  # at every place where one begins, within another too
    rb"(?=(%(?:25)?" + _HEX + rb"|\\{1,3}(?:(?:u00|x)" + _HEX + rb"|[^0-9A-Za-z])"
    rb"|&(?:#[xX]0?" + _HEX + rb"|#0?[0-9]{2,3}|amp|lt|gt|quot|apos);))"
)  # fmt: skip


@cache
def _written(character: bytes) -> tuple[bytes, ...]:
    """All that may stand for one character; the plain one first."""
    code = character[0]
    found = [character]
    for digits in dict.fromkeys((b"%02x" % code, b"%02X" % code)):
        found += [b"%" + digits, b"%25" + digits, b"\\u00" + digits, b"\\\\u00" + digits]
        found += [b"\\x" + digits, b"\\\\x" + digits, b"&#x%b;" % digits, b"&#x0%b;" % digits]
    found += [b"&#%d;" % code, b"&#0%d;" % code]
    if not character.isalnum():
        found += [
            *(b"\\" * count + character for count in (1, 2, 3)),
            *([_NAMED[character]] if character in _NAMED else []),
        ]
    if character == b" ":
        found.append(b"+")
    return tuple(found)


@cache
def _written_in_base64(character: bytes) -> tuple[bytes, ...]:
    other = _ALPHABET_PAIRS.get(character)
    return _written(character) if other is None else _written(character) + _written(other)


@cache
def _written_in_hex(character: bytes) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys((b"%02x" % character[0], b"%02X" % character[0])))


def _characters(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


class _Form:
    """One text to look for, with what each of its characters may be written as."""

    def __init__(self, texts: tuple[bytes, ...], steps: Steps, anchors: dict[bytes, tuple[int, int]]) -> None:
        self.texts = texts
        """What escapes in a row are decoded to when they hold it."""
        self.steps = steps
        self.anchors = anchors
        """Plain text that stands in every form without escapes in a row, and the steps from and to which it reaches."""
        self._width = len(texts[0]) // len(steps)
        until = max(last for _, last in anchors.values())
        self.reach = sum(max(map(len, step)) for step in steps[:until])
        self.longest = sum(min(max(map(len, step)), _WIDEST_ESCAPE) for step in steps)
        self.first = frozenset(spelling[0] for spelling in steps[0])
        self.alphabet = frozenset(byte for step in steps for spelling in step for byte in spelling)

    def forward(self, data: bytes, at: int, step: int) -> tuple[int, bool]:
        """Where the form ends that goes on at a step (-1: nowhere), and whether the data ends before that is sure."""
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
        """Where the form begins that reaches a place with a step; -1 where it does not."""
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


def _around(needle: bytes, form: _Form, data: bytes, found: list[Span]) -> int:
    """Notes the forms around every place of an anchor; where the first one begins that the data's end cuts."""
    pending = len(data)
    first, last = form.anchors[needle]
    for at in _places(data, needle):
        start = form.backward(data, at, first)
        end, is_open = form.forward(data, at + len(needle), last) if start >= 0 else (-1, False)
        if end >= 0:
            found.append((start, end))
        if is_open:
            pending = min(pending, start)
    return pending


def _breaks_off(data: bytes, place: int, spellings: tuple[bytes, ...]) -> bool:
    rest = data[place : place + _WIDEST_ESCAPE + 1]
    return any(len(rest) < len(one) and one.startswith(rest) for one in spellings)


def _spans(data: bytes, start: int, spelling: bytes, ends: set[int]) -> bool:
    return start + len(spelling) in ends and data.startswith(spelling, start)


def expressions(values: Iterable[bytes]) -> list[bytes]:
    """What a sieve for the forms of these values is made of: plain syntax, to be matched byte by byte.

    One of them matches in all data that holds a whole form.
    """
    forms = [form for value in values if len(value) >= SHORTEST for form in _forms_of(value)]
    anchors = dict.fromkeys(re.escape(needle) for form in forms for needle in form.anchors)
    return [*anchors, *(run.pattern for run in _RUNS.values())]


class SecretForms:
    """Some values in all their forms."""

    def __init__(self, values: Iterable[bytes], sieve: Sieve | None = None) -> None:
        """Values shorter than SHORTEST are left out. A sieve (see `expressions`) saves the search of most data."""
        self._sieve = sieve
        self._forms = [form for value in dict.fromkeys(values) if len(value) >= SHORTEST for form in _forms_of(value)]
        self._needles = [(needle, form) for form in self._forms for needle in form.anchors]
        self._alphabet = frozenset(byte for form in self._forms for byte in form.alphabet)
        self._reach = max((form.reach for form in self._forms), default=0)
        self._longest = max((max(form.longest, form.reach) for form in self._forms), default=0)
        self._leads = {text[:3] for form in self._forms for text in form.texts}
        self._early = frozenset(spelling for form in self._forms for step in form.steps[:3] for spelling in step)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def spans(self, data: bytes) -> list[Span]:
        """Where forms stand, in order; they may touch or overlap."""
        return self._whole(data)[0] if self._sieve is None or self._sieve(data) else []

    def search(self, data: bytes) -> tuple[list[Span], int]:
        """Where forms stand, and where the first one begins that the end of the data may have cut (or its length)."""
        found, pending = self._whole(data) if self._sieve is None or self._sieve(data) else ([], len(data))
        if data and data[-1] in self._alphabet:
            pending = min(pending, self._begun(data))
        return found, pending

    def _whole(self, data: bytes) -> tuple[list[Span], int]:
        """What can be found by what stands in it; where the first form begins of those that the data's end cuts."""
        found: list[Span] = []
        pending = len(data)
        for needle, form in self._needles:
            if needle in data:
                pending = min(pending, _around(needle, form, data, found))
        for mark, runs in _RUNS.items():
            if mark in data:
                for run in runs.finditer(data):
                    found.extend(self._within(mark, run[0], run.start()))
        found.sort()
        return found, pending

    def masked(self, data: bytes) -> bytes:
        """The data with asterisks in the place of every form."""
        spans = self.spans(data) if self._forms else ()
        return starred(data, spans) if spans else data

    def _within(self, mark: bytes, run: bytes, offset: int) -> Iterator[Span]:
        """The forms in which every character is escaped."""
        tokens = list(_TOKENS[mark].finditer(run))
        decoded = bytes(_code(mark, token[1]) for token in tokens)
        for form in self._forms:
            for text in form.texts:
                for at in _places(decoded, text):
                    yield offset + tokens[at].start(), offset + tokens[at + len(text) - 1].end()

    def _begun(self, data: bytes) -> int:
        """Where the first form begins of which the data's end has too little to be found by what stands in it."""
        size = len(data)
        is_escaped = any(mark in data[-_WIDEST_ESCAPE:] for mark in _MARKS)
        for place in sorted(self._candidates(data, max(0, size - (self._longest if is_escaped else self._reach)))):
            byte = data[place]
            if any(byte in form.first and form.forward(data, place, 0)[1] for form in self._forms):
                return place
        return size

    def _candidates(self, data: bytes, first: int) -> set[int]:
        """Places from `first` on where a form may begin: its first three characters are plain, or the first escape
        stands for one of them, or the data ends before that can be told."""
        size = len(data)
        places = {size - 1, size - 2}
        for lead in self._leads:
            places.update(_places(data, lead, first))
        if any(mark in data[first:] for mark in _MARKS):
            near = range(max(first, size - _WIDEST_ESCAPE), size)
            marked = [place for place in near if data[place : place + 1] in _MARKS]
            marked += [match.start() for match in _ESCAPES.finditer(data, first) if match[1] in self._early]
            places.update(place - back for place in marked for back in range(3))
        return {place for place in places if place >= first}


def _forms_of(value: bytes) -> Iterator[_Form]:
    plain = tuple(map(_written, _characters(value)))
    yield _Form((value,), plain, _plain_anchor(value))
    yield _Form((value.hex().encode(), value.hex().upper().encode()), tuple(map(_written_in_hex, _characters(value))),
                _hex_anchors(value))  # fmt: skip
    for offset in range(3):
        core = _core(value, offset)
        other = core.translate(bytes.maketrans(b"+/", b"-_"))
        steps = tuple(map(_written_in_base64, _characters(core)))
        yield _Form(tuple(dict.fromkeys((core, other))), steps, _plain_anchor(core))


def _core(value: bytes, offset: int) -> bytes:
    """The characters of base64 that the value alone determines when it stands `offset` bytes behind a full group."""
    encoded = base64.b64encode(bytes(offset) + value)
    return encoded[-(-8 * offset // 6) : 8 * (offset + len(value)) // 6]


def _plain_anchor(text: bytes) -> dict[bytes, tuple[int, int]]:
    """The longest run of letters and digits near the beginning: the search is the faster the longer it is."""
    runs = [match.span() for match in _PLAIN_RUN.finditer(text[:_ANCHOR_WITHIN])]
    first, last = max(runs, key=lambda span: span[1] - span[0], default=(0, 1))
    return {text[first:last]: (first, last)}


def _hex_anchors(value: bytes) -> dict[bytes, tuple[int, int]]:
    digits = value[: _LONGEST_ANCHOR // 2].hex().encode()
    return {needle: (0, len(digits) // 2) for needle in (digits, digits.upper())}


def _code(mark: bytes, digits: bytes) -> int:
    """What one escape stands for; 0 for what no value holds."""
    if mark != b"&":
        return int(digits, 16)
    code = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits)
    return code if code < 128 else 0


def _places(data: bytes, needle: bytes, first: int = 0) -> Iterator[int]:
    at = data.find(needle, first)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)


def starred(data: bytes, spans: Iterable[Span]) -> bytes:
    """The data with asterisks in the place of the spans, as far as they lie in it."""
    whole: bytearray | None = None
    for start, end in spans:
        end = min(end, len(data))
        if start < end:
            whole = bytearray(data) if whole is None else whole
            whole[start:end] = b"*" * (end - start)
    return data if whole is None else bytes(whole)

"""The forms in which a known value may stand in text, and the search for them in a stream.

Two things make a form. First what the whole value was turned into (`secret_shapes`): itself, its hexadecimal digits,
base64, where it begins at any of three places within the three bytes that four characters stand for, and so on. Then,
for the most usual of these, how each character is written (`secret_spellings`). Encoders leave letters and digits alone
or escape everything; so a form is found by a run of plain letters and digits of the value, or by six escapes in a row,
and then read to both ends.

Pure and incremental: however the data is cut, the same bytes are found.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from bottle.domain.secret_shapes import Shape, Spelled, shapes_of
from bottle.domain.secret_spellings import ESCAPES, MARKS, RUNS, TOKENS, WIDEST_ESCAPE

SHORTEST: Final = 6
"""Shorter values are not looked for: they occur by chance."""

_FEW = 8  # places that are all tried

Span = tuple[int, int]
Sieve = Callable[[bytes], bool]
"""Whether some regular expression of several matches in the data. It may say yes wrongly, never no."""


def _around(needle: bytes, form: Shape, data: bytes, found: list[Span]) -> int:
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


def expressions(values: Iterable[bytes]) -> list[bytes]:
    """What a sieve for the forms of these values is made of: plain syntax, to be matched byte by byte.

    One of them matches in all data that holds a whole form.
    """
    forms = [form for value in values if len(value) >= SHORTEST for form in shapes_of(value)]
    anchors = dict.fromkeys(_expression(needle) for form in forms for needle in form.anchors)
    return [*anchors, *(run.pattern for run in RUNS.values())]


class SecretForms:
    """Some values in all their forms."""

    def __init__(self, values: Iterable[bytes], sieve: Sieve | None = None) -> None:
        """Values shorter than SHORTEST are left out. A sieve (see `expressions`) saves the search of most data."""
        self._sieve = sieve
        self._forms = [form for value in dict.fromkeys(values) if len(value) >= SHORTEST for form in shapes_of(value)]
        self._needles = [(needle, form) for form in self._forms for needle in form.anchors]
        self._alphabet = bytes({byte for form in self._forms for byte in form.alphabet})
        self._reach = max((form.reach for form in self._forms), default=0)
        self._spelled = [form for form in self._forms if isinstance(form, Spelled)]
        self._longest = max([self._reach, *(form.longest for form in self._spelled)])
        self._leads = {lead for form in self._forms for lead in form.leads}
        self._early = frozenset(spelling for form in self._spelled for step in form.steps[:3] for spelling in step)
        self._beginning: dict[int, list[Shape]] = {}
        for form in self._forms:
            for byte in form.first:
                self._beginning.setdefault(byte, []).append(form)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def spans(self, data: bytes) -> list[Span]:
        """Where forms stand, in order; they may touch or overlap."""
        return self._whole(data)[0] if self._sieve is None or self._sieve(data) else []

    def search(self, data: bytes) -> tuple[list[Span], int]:
        """Where forms stand, and where the first one begins that the end of the data may have cut (or its length)."""
        found, pending = self._whole(data) if self._sieve is None or self._sieve(data) else ([], len(data))
        return found, min(pending, self._begun(data))

    def _whole(self, data: bytes) -> tuple[list[Span], int]:
        """What can be found by what stands in it; where the first form begins of those that the data's end cuts."""
        found: list[Span] = []
        pending = len(data)
        for needle, form in self._needles:
            if needle in data:
                pending = min(pending, _around(needle, form, data, found))
        for mark, runs in RUNS.items():
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
        tokens = list(TOKENS[mark].finditer(run))
        decoded = bytes(_code(mark, token[1]) for token in tokens)
        for form in self._spelled:
            for text in form.texts:
                for at in _places(decoded, text):
                    yield offset + tokens[at].start(), offset + tokens[at + len(text) - 1].end()

    def _begun(self, data: bytes) -> int:
        """Where the first form begins of which the data's end has too little to be found by what stands in it."""
        size = len(data)
        is_escaped = any(mark in data[-WIDEST_ESCAPE:] for mark in MARKS)
        end = data[max(0, size - (self._longest if is_escaped else self._reach)) :]
        first = size - len(end) + len(end.rstrip(self._alphabet))  # what began before would have ended there
        for place in sorted(self._candidates(data, first)):
            if any(form.forward(data, place, 0)[1] for form in self._beginning.get(data[place], ())):
                return place
        return size

    def _candidates(self, data: bytes, first: int) -> set[int]:
        """Places from `first` on where a form may begin: its first three characters are plain, or the first escape
        stands for one of them, or the data ends before that can be told. All, where there are few."""
        size = len(data)
        if size - first <= _FEW:
            return set(range(first, size))
        places = {size - 1, size - 2}
        for lead in self._leads:
            places.update(_places(data, lead, first))
        if any(mark in data[first:] for mark in MARKS):
            near = range(max(first, size - WIDEST_ESCAPE), size)
            marked = [place for place in near if data[place : place + 1] in MARKS]
            marked += [match.start() for match in ESCAPES.finditer(data, first) if match[1] in self._early]
            places.update(place - back for place in marked for back in range(3))
        return {place for place in places if place >= first}


def _expression(text: bytes) -> bytes:
    """Matches the text alone. No NUL stands in it: an expression may be read to its first."""
    return re.escape(text).replace(b"\0", b"\\x00")


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

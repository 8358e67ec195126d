"""Long runs of one alphabet in a text, and what they decode to where that makes sense."""

import re
from collections.abc import Container, Iterator
from typing import Final

from bottle.domain.dlp.bases import DIGITS, LOWER, SHORTEST32, SHORTEST64, UPPER, from_base32, from_base64
from bottle.domain.dlp.fives import QUOTE, from_runs
from bottle.domain.dlp.hints import ROW_64, ROW_85, ROW_OF_NUMBERS, Encoding, Hints
from bottle.domain.dlp.numbers import from_numbers
from bottle.domain.dlp.telling import LONG

_IN_TOKENS: Final = UPPER + LOWER + DIGITS + b"_-.:/+=~"
_IN_64: Final = UPPER + LOWER + DIGITS + b"+/-_="
_NEXT_LINE: Final = re.compile(rb"\r?\n[ \t]*([A-Za-z0-9+/_=-]+)")
_GLUED = 3  # so many characters and more at an end belong to what is encoded
_MARKS: Final = bytes(ord("A") if code in _IN_64 else ord(" ") for code in range(256))
_ALTERNATING: Final = b"A" + b" A" * 11
_ALTERNATION: Final = re.compile(rb"(?:A )+")


def decoded(text: bytes, kinds: Container[Encoding], hints: Hints) -> Iterator[bytes]:
    """What the runs of letters and digits in a text decode to; `kinds` is what hints tell of the text."""
    for run in dict.fromkeys((*hints.rows(text, ROW_64), *_wrapped(text, hints))):
        for found in _alphanumeric(run):
            yield found
            yield from _unglued(found)
        if run[:3].isupper() and len(run.translate(None, DIGITS)) < len(run):
            yield run.swapcase()  # a token whose case was turned around
    if Encoding.SPREAD in kinds:
        yield from _spread(text)
    for row in hints.rows(text, ROW_OF_NUMBERS):
        yield from from_numbers(row)


def _wrapped(text: bytes, hints: Hints) -> Iterator[bytes]:
    """Runs that go on from line to line, put together; their lines may be indented."""
    over = 0
    for begins in hints.line_ends(text):
        end = begins - (2 if text[begins - 2 : begins] == b"\r\n" else 1)
        if end < over or (line := _NEXT_LINE.match(text, end)) is None:
            continue
        begun = text[over:end].rpartition(b"\n")[2]
        lines = [begun[len(begun.rstrip(_IN_64)) :]]
        while line is not None:
            lines.append(line[1])
            end = line.end()
            line = _NEXT_LINE.match(text, end)
        over = end
        yield b"".join(lines)


def _spread(text: bytes) -> Iterator[bytes]:
    """Single characters between each two of which stands one that is no letter or digit."""
    marks = text.translate(_MARKS)
    start = marks.find(_ALTERNATING)
    while start >= 0:
        match = _ALTERNATION.match(marks, start)
        end = match.end() if match is not None else start + 1
        yield text[start : end + 1 : 2]
        start = marks.find(_ALTERNATING, end)


def _unglued(found: bytes) -> Iterator[bytes]:
    """Short text without what may have been encoded with it: a pattern knows a token by what it stands beside."""
    if SHORTEST64 < len(found) <= LONG and not found.translate(None, _IN_TOKENS):
        kept = (found[first : len(found) - last] for first in range(_GLUED) for last in range(_GLUED))
        yield from (one for one in kept if one != found)


def _alphanumeric(run: bytes) -> Iterator[bytes]:
    is_lower = run.islower()
    if len(run) >= SHORTEST32 and (is_lower or run.isupper()):
        yield from from_base32(run.upper())
    if not is_lower and not run.isdigit():
        yield from from_base64(run)


def punctuated(data: bytes, hints: Hints) -> Iterator[bytes]:
    """What runs in base85 decode to."""
    data = data.replace(b'\\"', QUOTE)
    return from_runs(data, hints.starts(data, ROW_85))

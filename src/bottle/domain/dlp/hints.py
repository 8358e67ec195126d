"""What may be undone in a text, and where: native passes over it that cost a fraction of undoing it.

Each is a regular expression that an engine without backtracking searches for; the ways to undo are dear, and most texts
need few of them.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from enum import IntEnum
from functools import cache
from typing import Final, Protocol

from attrs import field, frozen

from bottle.domain.dlp.packing import MAGICS


class Search(Protocol):
    """Many texts or expressions, searched for at once in linear time. Pure and thread-safe."""

    def find(self, data: bytes) -> Sequence[int]:
        """Which of them stand in the data, by their numbers."""

    def ends(self, data: bytes) -> Sequence[int]:
        """Where their matches end, in order."""


class Searches(Hashable, Protocol):
    """Where searches come from. What is looked for in the same way for all is made once for each of them."""

    def literals(self, texts: Sequence[bytes]) -> Search:
        """A search for these texts."""

    def expressions(self, patterns: Sequence[bytes]) -> Search:
        """A search for these regular expressions; `.` is any byte."""


class Escape(IntEnum):
    """Ways in which a character is escaped."""

    SLASHED = 0
    SOLIDUS = 1
    ROWS = 2
    BRACED = 3
    STYLED = 4
    PERCENT = 5
    REFERENCE = 6
    LATIN = 7


_ESCAPES: Final = {
    Escape.SLASHED: rb"""\\([nrtabfv0-7'"\\\n]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|U000)""",
    Escape.SOLIDUS: rb"\\/",
    Escape.ROWS: rb"\\\\\\\\",
    Escape.BRACED: rb"\\([uxo]\{|[uU]\+)",
    Escape.STYLED: rb"\\0*[2-7][0-9A-Fa-f] ",
    Escape.PERCENT: rb"%u?[0-9A-Fa-f]{2}",
    Escape.REFERENCE: rb"&(#[0-9xX]|[A-Za-z][A-Za-z0-9]+;)",
    Escape.LATIN: rb"\\u00[89A-Fa-f]",
}
_TOGETHER: Final = (
    (b"\\", (Escape.SLASHED,)),
    (b"\\", (Escape.SOLIDUS, Escape.ROWS, Escape.BRACED, Escape.STYLED, Escape.LATIN)),
    (b"%", (Escape.PERCENT,)),
    (b"&", (Escape.REFERENCE,)),
)
"""Which of them one search looks for, where the sign stands that they open with. An automaton of unlike expressions
costs twice what they cost apart, and one that has found all that it looks for, as the most usual, reads no further."""
_PACKED: Final = rb"(?i)1f@8b|(x|78)@(9c|da|01|5e)|b5(/|@2f)@fd|fd7zX".replace(b"@", rb"(\\+(x|u00)|(%|%25)+)")


_ALL_MAGICS: Final = tuple(MAGICS)


class Encoding(IntEnum):
    """Ways in which rows of characters are encoded that leave signs between them."""

    SPREAD = 0
    QUOTED = 1
    SEVEN_BITS = 2
    ADDED = 3
    LISTED = 4


QUOTED: Final = rb"=(?:[0-7][0-9A-Fa-f]|[89A-Fa-f][0-9A-Fa-f]=[0-9A-Fa-f]{2})"
"""Quoted-printable (RFC 2045 6.7): ASCII, or the first of several bytes. Program text says `=False` and `=80`."""

_ENCODINGS: Final = {
    Encoding.SPREAD: rb"([A-Za-z0-9+/_=-][^A-Za-z0-9+/_=-]){12}",
    Encoding.QUOTED: QUOTED,
    Encoding.SEVEN_BITS: rb"\+[A-Za-z0-9+/]{6}",
    Encoding.ADDED: rb"""["'][ \t]*\+[ \t]*(\r?\n[ \t]*)?["']""",
    Encoding.LISTED: rb"""(["'][^"'\\]["'][,+ \t\r\n]+){8}""",
}
_OPENED_BY: Final = {Encoding.QUOTED: b"=", Encoding.SEVEN_BITS: b"+", Encoding.ADDED: b"+"}


@frozen
class Row:
    """At least so many characters of one kind, written as in a regular expression's class."""

    members: bytes
    shortest: int
    _more: re.Pattern[bytes] = field(init=False)

    @_more.default
    def _members_alone(self) -> re.Pattern[bytes]:
        return re.compile(b"[%b]*" % self.members)

    @property
    def expression(self) -> bytes:
        """What matches once for each row, where it is long enough."""
        return b"(^|[^%b])[%b]{%d}" % (self.members, self.members, self.shortest)

    def end(self, data: bytes, at: int) -> int:
        """Where the row is over that holds so much."""
        match = self._more.match(data, at)
        return match.end() if match is not None else at


ROW_64: Final = Row(rb"A-Za-z0-9+/\-_=", 20)
ROW_85: Final = Row(rb"\x01!#-~", 25)
ROW_OF_NUMBERS: Final = Row(rb"""0-9a-fA-FxXhou\\,;:|.\-+#&[\](){}<>/_'" \t\r\n""", 40)
_BOUNDARIES: Final = rb'"(role|input_schema|parameters)"'
_PADDED: Final = rb"""[A-Za-z0-9+/\-_]{2}(==[^A-Za-z0-9+/\-_=]|=(\?=|["'][\],}\r\n]|[\r\n,;]))"""
_LINE_ENDS: Final = rb"[A-Za-z0-9+/\-_=]{12}\r?\n"


@frozen(eq=False)
class Hints:
    """What tells of a text what may be undone in it."""

    _escapes: tuple[tuple[bytes, tuple[Escape, ...], Search], ...]
    _encodings: tuple[tuple[bytes, Encoding, Search], ...]
    """Each with the sign without which the search would find nothing."""
    _rows: dict[Row, Search]
    _line_ends: Search
    _padded: Search
    _boundaries: Search
    _packed: Search
    _magics: Search

    @classmethod
    @cache
    def by(cls, searches: Searches) -> "Hints":
        """Made once for each: none of it is a secret."""
        return cls(
            tuple((sign, kinds, searches.expressions([_ESCAPES[kind] for kind in kinds])) for sign, kinds in _TOGETHER),
            tuple((_OPENED_BY.get(kind, b""), kind, searches.expressions([one])) for kind, one in _ENCODINGS.items()),
            {row: searches.expressions([row.expression]) for row in (ROW_64, ROW_85, ROW_OF_NUMBERS)},
            searches.expressions([_LINE_ENDS]),
            searches.expressions([_PADDED]),
            searches.expressions([_BOUNDARIES]),
            searches.expressions([_PACKED]),
            searches.expressions([b"".join(b"\\x%02x" % code for code in magic) for magic in MAGICS]),
        )

    def escapes(self, data: bytes) -> frozenset[Escape]:
        """How characters are escaped."""
        return frozenset(
            kinds[number] for sign, kinds, search in self._escapes if sign in data for number in search.find(data)
        )

    def escapes_packed(self, data: bytes) -> bool:
        """Whether what opens as something packed may stand in it byte by byte."""
        return bool(self._packed.find(data))

    def magics(self, data: bytes) -> list[bytes]:
        """How packed content begins that may stand in it."""
        return [_ALL_MAGICS[number] for number in self._magics.find(data)]

    def encodings(self, data: bytes) -> frozenset[Encoding]:
        """How rows of characters may be encoded."""
        return frozenset(kind for sign, kind, search in self._encodings if sign in data and search.find(data))

    def starts(self, data: bytes, row: Row) -> list[int]:
        """Where rows of a kind begin."""
        return [end - row.shortest for end in self._rows[row].ends(data)]

    def rows(self, data: bytes, row: Row) -> Iterator[bytes]:
        """The rows of a kind, whole."""
        return (data[start : row.end(data, start + row.shortest)] for start in self.starts(data, row))

    def line_ends(self, data: bytes) -> Sequence[int]:
        """Where lines begin behind one that ends in base64."""
        return self._line_ends.ends(data) if b"\n" in data else ()

    def padded(self, data: bytes) -> Sequence[int]:
        """Where something follows a word that ends as padded base64 does."""
        return self._padded.ends(data) if b"=" in data else ()

    def boundaries(self, data: bytes) -> Sequence[int]:
        """Where an agent's messages and tools go on behind their first words."""
        return self._boundaries.ends(data)

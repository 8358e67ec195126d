"""Tokens under another alphabet, or backwards: what a maker opens its tokens with tells where they stand.

Patterns know a token by these few letters, so a disguise is found by what it makes of them, and only there undone.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Final

from attrs import field, frozen

from bottle.domain.dlp.hints import Search, Searches

OPENINGS: Final = (
    b"ghp_", b"gho_", b"ghs_", b"github_pat_", b"glpat-", b"AKIA", b"ASIA", b"AIza", b"sk-ant-", b"sk-proj-",
    b"sk_live_", b"xoxb-", b"xoxp-", b"npm_", b"pypi-", b"eyJhbGci", b"-----BEGIN ", b"dckr_pat_", b"shpat_",
)  # fmt: skip
_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_PRINTED: Final = bytes(range(33, 127))
_AROUND: Final = 1024
"""Bytes on both sides that are undone; a key of several lines goes on in the next of them."""

Undo = Callable[[bytes], bytes]


def _tables() -> Iterator[bytes]:
    """What undoes each of the alphabets: turned by any number of letters, mirrored, one code further."""
    for by in range(1, 26):
        yield bytes.maketrans(_UPPER[by:] + _UPPER[:by] + _LOWER[by:] + _LOWER[:by], _UPPER + _LOWER)
    yield bytes.maketrans(_UPPER + _LOWER, _UPPER[::-1] + _LOWER[::-1])
    yield bytes.maketrans(_PRINTED[47:] + _PRINTED[:47], _PRINTED)
    for by in (1, -1):
        yield bytes((code - by) % 256 for code in range(256))


def _translated(table: bytes, text: bytes) -> bytes:
    return text.translate(table)


def _backwards(text: bytes) -> bytes:
    return text[::-1]


def _disguised() -> Iterator[tuple[bytes, Undo]]:
    tables = tuple(_tables())
    for opening in OPENINGS:
        yield opening[::-1], _backwards
        for table in tables:
            yield bytes(map(table.index, opening)), partial(_translated, table)


_DISGUISED: Final = dict(_disguised())


@frozen(eq=False)
class Disguises:
    """What finds them."""

    _search: Search = field(repr=False)

    @classmethod
    @cache
    def by(cls, searches: Searches) -> "Disguises":
        """Made once for each: none of it is a secret."""
        return cls(searches.literals(list(_DISGUISED)))

    def undone(self, text: bytes) -> Iterator[bytes]:
        """The surroundings of what opens as a disguised token does, without the disguise."""
        for number in self._search.find(text):
            opening, undo = _ALL[number]
            at = text.find(opening)
            while at >= 0:
                yield undo(text[max(0, at - _AROUND) : at + _AROUND])
                at = text.find(opening, at + _AROUND)


_ALL: Final = tuple(_DISGUISED.items())

"""Text that somebody laid out: listings of bytes, single characters amid markup, dots and dashes.

Where they stand is searched for natively; what is undone is no more than what stands there.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from attrs import frozen

from bottle.domain.dlp.dumps import dumped
from bottle.domain.dlp.hints import Search, Searches
from bottle.domain.dlp.morse import MARKS, TELLING, from_morse

_WORD: Final = rb"([0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8}|[0-7]{3}|[0-7]{6}|[0-9]{1,5}|[!-~]|\\[0abfnrtv])"
_ROW: Final = rb"(^|[^0-9A-Za-z])[0-9a-f]{6,8}:?[ \t]{1,4}%b[ \t]+%b[ \t]+%b[ \t]" % (_WORD, _WORD, _WORD)
_ADDRESS: Final = b"00000"  # in that of each of a listing's first rows
_MARKUP: Final = rb"(<[^<>]{1,40}>[^<>]{0,3}){12}"
_TAG: Final = re.compile(rb"<!\[CDATA\[|\]\]>|<[^<>]{1,64}>")
_COMMENT: Final = re.compile(rb"<!--[^<>]{0,64}-->")
_BEFORE: Final = 64  # bytes from where a row begins to the end of what is searched for, at most
_AFTER: Final = 192


@frozen(eq=False)
class Layouts:
    """What tells where such text stands."""

    _rows: Search
    _markup: Search
    _morse: Search

    @classmethod
    @cache
    def by(cls, searches: Searches) -> "Layouts":
        """Made once for each: none of it is a secret."""
        return cls(searches.expressions([_ROW]), searches.expressions([_MARKUP]), searches.expressions([TELLING]))

    def undone(self, text: bytes) -> Iterator[bytes]:
        """The text as it was before somebody laid it out."""
        if _ADDRESS in text:
            for part in _parts(text, self._rows.ends(text)):
                yield from dumped(part)
        if b"<" in text and self._markup.find(text):
            yield _TAG.sub(b"", text)
        if b"<!--" in text:
            for part in _parts(text, [comment.end() for comment in _COMMENT.finditer(text)]):
                yield _COMMENT.sub(b"", part)
        if any(pair in text for pair in MARKS) and self._morse.find(text):
            yield from from_morse(text)


def _parts(text: bytes, ends: Sequence[int]) -> Iterator[bytes]:
    """The surroundings of places, those together that touch."""
    start = end = 0
    for place in ends:
        if place - _BEFORE > end:
            if end > start:
                yield text[start:end]
            start = place - _BEFORE
        end = max(end, place + _AFTER)
    if end > start:
        yield text[start:end]

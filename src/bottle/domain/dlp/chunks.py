"""Text that was encoded a few characters at a time, as in the words of a mail's subject (RFC 2047).

Base64 pads each of such words (RFC 4648 4), and so tells where they stand.
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final

from bottle.domain.dlp.telling import PRINTED

_FEWEST = 3  # padded words close together; fewer are chance
_NEAR = 256  # bytes from the end of one to that of the next
_BEFORE = 64  # bytes from where the first may begin, and to where the last may end that has no padding
_WORD: Final = re.compile(
    rb"(?<![@=])(?:[@]{4}){0,5}(?:[@]{2}==|[@]{3}=|[@]{4})(?![@=])".replace(b"@", rb"A-Za-z0-9+/")
)
_TO_64: Final = bytes.maketrans(b"-_", b"+/")


def put_together(text: bytes, ends: Sequence[int]) -> Iterator[bytes]:
    """What the words of each group say together; `ends` are the places behind padded words, in order."""
    group: list[int] = []
    for end in (*ends, len(text) + _NEAR + 1):
        if group and end - group[-1] > _NEAR:
            if len(group) >= _FEWEST:
                yield b"".join(_said(text[max(0, group[0] - _BEFORE) : group[-1] + _BEFORE]))
            group.clear()
        group.append(end)


def _said(part: bytes) -> Iterator[bytes]:
    """What its words say, without those that are other words: few of them are text when they are decoded."""
    for word in _WORD.findall(part.translate(_TO_64)):
        said = binascii.a2b_base64(word)
        if not said.translate(None, PRINTED):
            yield said

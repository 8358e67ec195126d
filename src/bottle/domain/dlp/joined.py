"""Program text that puts a text together: string literals that are added, and lists of single characters."""

import re
from collections.abc import Iterator
from typing import Final

_AROUND: Final = 96  # bytes beside a joint that belong to what it joins
_JOINT: Final = re.compile(rb"""["'][ \t]{0,8}\+[ \t]{0,8}(?:\r?\n[ \t]{0,64})?["']""")
_PLUS: Final = re.compile(rb"""\+[ \t]{0,8}(?:\r?\n[ \t]{0,64})?["']""")  # the search goes from one sign to the next
_LISTED: Final = re.compile(rb"""(?:["'][^"'\\]["'][,+ \t\r\n]{1,32}){11,}["'][^"'\\]["']""")
_QUOTED: Final = re.compile(rb"""["']([^"'\\])["'][,+ \t\r\n]{0,32}""")


def listed(text: bytes) -> Iterator[bytes]:
    """Characters of lists, put together."""
    for match in _LISTED.finditer(text):
        yield b"".join(_QUOTED.findall(match[0]))


def added(text: bytes) -> Iterator[bytes]:
    """The surroundings of what is added, as it comes to. What stays as it is would be looked at again without end."""
    for part in _near(text):
        joined, joints = _JOINT.subn(b"", part)
        if joints:
            yield joined


def _near(text: bytes) -> Iterator[bytes]:
    start = end = 0
    for match in _PLUS.finditer(text):
        if match.start() > end:
            yield text[start:end]
            start = max(end, match.start() - _AROUND)
        end = match.end() + _AROUND
    yield text[start:end]

"""Text as a reader would have it who undoes whatever escapes it: one view in which patterns and values stand plain.

Nothing here is exact: what several formats escape is undone for all of them at once, in whatever order it was done.
A view may so differ from what any one program would read; what matters is that a secret in it is readable.
"""

import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from bottle.domain.dlp.bases import unpadded
from bottle.domain.dlp.escapes import raw, unpercented, unreferenced, unslashed
from bottle.domain.dlp.hints import QUOTED, Escape, Hints
from bottle.domain.dlp.letters import folded

_ROUNDS: Final = 6  # of escapes within escapes
_SLASHES: Final = frozenset({Escape.SLASHED, Escape.SOLIDUS, Escape.ROWS, Escape.BRACED, Escape.STYLED})
_QUOTED: Final = re.compile(QUOTED)
_AROUND: Final = 512  # bytes beside a quoted-printable character that are read as quoted-printable
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]{0,16}[A-Za-z]")  # of a terminal (ECMA-48 5.4)
_MANY_ZEROS: Final = b"\0\0\0\0"
_PADDING: Final = re.compile(rb"\0{4,}")
_PROBED = 64  # bytes of what may be UTF-7, which tell
_SEVEN: Final = re.compile(rb"\+([A-Za-z0-9+/]{6,})-?")


def plain(data: bytes, hints: Hints) -> bytes:
    """The data with escapes undone, invisible characters gone, look-alikes replaced; itself where none are in it."""
    data = _without_zeros(data)
    if b"\x1b[" in data:
        data = _COLOURS.sub(b"", data)
    for _ in range(_ROUNDS):
        before = data
        if not data.isascii():
            data = folded(data)
        if kinds := hints.escapes(data):
            data = _undone(data, kinds)
        if data is before or data == before:
            break
        data = _without_zeros(data)
    return data


def _undone(data: bytes, kinds: frozenset[Escape]) -> bytes:
    if kinds & _SLASHES:
        data = unslashed(data, kinds)
    if Escape.PERCENT in kinds:
        data = unpercented(data)
    return unreferenced(data) if Escape.REFERENCE in kinds else data


def _without_zeros(data: bytes) -> bytes:
    """Zero bytes between characters (UTF-16, UTF-32, noise) go; a few of them part what they stand between, and so do
    more in a row than UTF-32 has, as in archives."""
    if b"\0" not in data:
        return data
    if _MANY_ZEROS in data:
        data = _PADDING.sub(b"\n", data)
    return data.replace(b"\0", b"" if 5 * data.count(0) >= len(data) else b"\n")


def unescaped(data: bytes) -> bytes:
    """Bytes that were escaped one by one, as packed content may be; empty where none were."""
    for undo in (raw, unquote_to_bytes) * 3:
        if not data.isascii():
            break
        data = undo(data)
        if not data.isascii():
            return data
    return b""


def quoted_printable(data: bytes) -> bytes:
    """The surroundings of what looks quoted-printable (RFC 2045 6.7), read as that; empty where nothing does."""
    if b"=" not in data:
        return b""
    parts: list[bytes] = []
    end = -1
    for match in _QUOTED.finditer(data):
        if match.start() < end:
            continue
        start = max(end, 0, match.start() - 64)
        end = match.end() + _AROUND
        parts.append(binascii.a2b_qp(data[start:end]))
    return b"\n".join(parts)


def seven_bits(data: bytes) -> bytes:
    """What UTF-7 shifts out of ASCII (RFC 2152); empty where nothing does."""
    found: list[bytes] = []
    if b"+" in data:
        for match in _SEVEN.finditer(data):
            wide = unpadded(match[1])
            leads = wide[:_PROBED:2]
            if 2 * leads.count(0) > len(leads):  # characters of ours; base64 has a plus, too
                found.append(wide.decode("utf-16-be", "ignore").encode())
    return b"\n".join(found)

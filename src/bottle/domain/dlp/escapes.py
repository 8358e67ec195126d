"""One round of undoing what programs, addresses and pages write for a character.

Whatever stands often is undone for the whole text by what Python has in C; a function called for each place costs a
hundred times as much.
"""

import binascii
import codecs
import html
import re
from collections.abc import Container
from typing import Final

from bottle.domain.dlp.hints import Escape

_SPARSE: Final = 512  # bytes for each escape: where there are fewer, each is undone by itself
_COLLAPSED: Final = re.compile(rb"\\\\(?:\\\\)+")
_TOKEN: Final = rb"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|[\\'\"abfnrtv\n])"
_TOKENS: Final = re.compile(_TOKEN + rb"(?:" + _TOKEN + rb")*")  # the search goes on from one backslash to the next
_LATIN: Final = re.compile(rb"\\u00([89A-Fa-f][0-9A-Fa-f])")
_BRACED: Final = re.compile(rb"(?<!\\)\\(?:[uxo]\{([0-9A-Fa-f]{1,6})\}|[uU]\+([0-9A-Fa-f]{4,5}))")
_CSS: Final = re.compile(rb"\\0{0,4}[2-7][0-9A-Fa-f] (?:\\0{0,4}[2-7][0-9A-Fa-f] ?){2,}")
_ONE_OF_CSS: Final = re.compile(rb"([2-7][0-9A-Fa-f])(?: |\Z)")

_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*")
_PERCENT_U: Final = re.compile(rb"%u[0-9A-Fa-f]{4}(?:%u[0-9A-Fa-f]{4})*")
_AS_QUOTED: Final = bytes.maketrans(b"%=", b"=\x01")
_FROM_QUOTED: Final = bytes.maketrans(b"\x01", b"=")

_NUMBERED: Final = re.compile(rb"&#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));?")
_NAMED: Final = re.compile(rb"&[A-Za-z][A-Za-z0-9]{1,30};")


def unslashed(data: bytes, kinds: Container[Escape]) -> bytes:
    """Without the escapes of JSON and of program text; `\\\\` becomes `\\`, to be looked at again."""
    if Escape.ROWS in kinds:
        data = _COLLAPSED.sub(rb"\\\\", data)
    if Escape.BRACED in kinds:
        data = _BRACED.sub(_of_code, data)
    if Escape.STYLED in kinds:
        data = _CSS.sub(_of_style, data)
    if Escape.LATIN in kinds:
        data = _LATIN.sub(_of_code, data)
    is_sparse = data.count(b"\\") * _SPARSE < len(data)
    data = _TOKENS.sub(lambda match: raw(match[0]), data) if is_sparse else raw(data)
    return data.replace(b"\\/", b"/") if Escape.SOLIDUS in kinds else data


def raw(data: bytes) -> bytes:
    """What the escapes of program text stand for; those of single bytes, for these bytes."""
    return data.decode("unicode_escape", _HANDLER).encode("latin-1", _HANDLER)


def unpercented(data: bytes) -> bytes:
    """Without the escapes of URLs."""
    data = _PERCENT_U.sub(_utf16_of_percent, data)
    if data.count(b"%") * _SPARSE < len(data):
        return _PERCENT.sub(_of_percent, data)
    # Quoted-printable is the same under another sign, and undone in C.
    return binascii.a2b_qp(data.translate(_AS_QUOTED)).translate(_FROM_QUOTED)


def unreferenced(data: bytes) -> bytes:
    """Without HTML's and XML's character references."""
    return _NAMED.sub(_of_name, _NUMBERED.sub(_of_number, data))


def _as_it_stands(error: UnicodeError) -> tuple[str | bytes, int]:
    """An escape that is none stays; a character beyond Latin-1 is written in UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return error.object[error.start : error.end].decode("latin-1"), error.end
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wide = error.object[error.start : error.end].encode("utf-16-le", "surrogatepass")
    return wide.decode("utf-16-le", "ignore").encode(), error.end


_HANDLER: Final = "bottle.as_it_stands"
codecs.register_error(_HANDLER, _as_it_stands)
for _codec in ("unicode_escape", "utf-16-le"):  # else a file is opened at the first use, when none may be left
    codecs.lookup(_codec)


def _of_code(match: re.Match[bytes]) -> bytes:
    return _character(int(match[match.lastindex or 1], 16))


def _of_style(match: re.Match[bytes]) -> bytes:
    """A row of them; one alone is more often an octal code."""
    return bytes(int(code, 16) for code in _ONE_OF_CSS.findall(match[0]))


def _of_number(match: re.Match[bytes]) -> bytes:
    return _character(int(match[1], 16) if match[1] else int(match[2]))


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "ignore") if code < 0x110000 else b""


def _of_name(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode()).encode()


def _of_percent(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"%", b"").decode())


def _utf16_of_percent(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"%u", b"").decode()).decode("utf-16-be", "ignore").encode()

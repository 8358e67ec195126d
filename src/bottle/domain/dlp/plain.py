"""Text as a reader would have it who undoes whatever escapes it: one view in which patterns and values stand plain.

Nothing here is exact: what several formats escape is undone for all of them at once, in whatever order it was done.
A view may so differ from what any one program would read; what matters is that a secret in it is readable.
"""

import binascii
import html
import re
import unicodedata
from functools import lru_cache
from typing import Final

_ROUNDS: Final = 6  # of escapes within escapes
_FEW = 24  # characters; more are replaced in one walk through the text
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]+"
)
# Letters of other scripts that look like ours (the Latin look-alikes among Unicode's confusables, UTS 39).
_ALIKE_FROM = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u0432\u043a\u043c\u043d\u0442\u0433"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0423\u0405\u0406\u0408\u0417\u04ae\u0511\u04cf\u044c"
    "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03c9\u03b7"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0131\u0251\u0261\u0585\u057d\u0578\u0566\u0581\u0570\u0575\u217c\u01c0\u2223\u0261\u026a"
)
_ALIKE_TO = "aeopcyxsijhdqwBKMHTrABEKMHOPCTXYSIJ3Ye1baeikvoptuxywnABEZHIKMNOPTYXiagounqghjlllgi"
_ALIKE: Final = str.maketrans(_ALIKE_FROM, _ALIKE_TO)
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2212"
_ASCII: Final = bytes(range(128))
_CONTROLS: Final = bytes(code for code in range(1, 32) if code not in b"\t\n\r\x1b") + b"\x7f"
_STRANGE: Final = (b"\xef\xbc", b"\xef\xbd", b"\xe2\x80", b"\xe2\x81", b"\xc2\xad", b"\xf0\x9d", b"\xcc")

_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*")
_PERCENT_U: Final = re.compile(rb"%u[0-9A-Fa-f]{4}(?:%u[0-9A-Fa-f]{4})*")
_UNICODE: Final = re.compile(rb"\\[uU]\+?[0-9A-Fa-f]{4}(?:\\[uU]\+?[0-9A-Fa-f]{4})*")
_BRACED: Final = re.compile(rb"\\(?:u|x|o)\{([0-9A-Fa-f]{1,6})\}")
_LONG: Final = re.compile(rb"\\U000([0-9A-Fa-f]{5})")
_HEX: Final = re.compile(rb"\\x[0-9A-Fa-f]{2}(?:\\x[0-9A-Fa-f]{2})*")
_OCTAL: Final = re.compile(rb"\\[0-3]?[0-7]{2}(?:\\[0-3]?[0-7]{2})*")
_ONE_OCTAL: Final = re.compile(rb"\\([0-3]?[0-7]{2})")
_CSS: Final = re.compile(rb"\\0{0,4}([2-7][0-9A-Fa-f]) ")
_ENTITY: Final = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?")
_QUOTED: Final = re.compile(rb"=[0-9A-Fa-f]{2}")
_SOFT: Final = re.compile(rb"=\r?\n")
_AROUND: Final = 512  # bytes beside a quoted-printable character that are read as quoted-printable
_SPACES: Final = re.compile(rb"(?<!\\)\\++[nrt]")
_QUOTES: Final = re.compile(rb'(?<!\\)\\++"')
_SEVEN: Final = re.compile(rb"\+([A-Za-z0-9+/]{6,})-?")


def plain(data: bytes) -> bytes:
    """The data with escapes undone, invisible characters gone, look-alikes replaced; itself where none are in it."""
    data = _without_zeros(data)
    for _ in range(_ROUNDS):
        before = data
        if not data.isascii():
            data = folded(data)
        if b"\\" in data:
            data = _without_backslashes(data)
        if b"%" in data:
            data = _PERCENT.sub(_of_percent, data)
            if b"%u" in data:
                data = _PERCENT_U.sub(_utf16_of_percent, data)
        if b"&" in data:
            data = _ENTITY.sub(_of_entity, data)
        if data is before or data == before:
            break
        data = _without_zeros(data)
    return data


def _without_zeros(data: bytes) -> bytes:
    """Zero bytes between characters (UTF-16, UTF-32, noise) go; a few of them part what they stand between."""
    zeros = data.count(0)
    return data.replace(b"\0", b"" if 5 * zeros >= len(data) else b"\n") if zeros else data


def unescaped(data: bytes) -> bytes:
    """Bytes that were escaped one by one, as packed content may be; empty where none were."""
    if not data.isascii() or (b"\\x" not in data and b"%" not in data):
        return b""
    found = data
    for _ in range(3):
        found = _PERCENT.sub(_of_percent, _HEX.sub(_of_hex, found.replace(b"\\\\", b"\\")))
    return b"" if found.isascii() else found


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
            packed = match[1][: len(match[1]) // 4 * 4]
            found.append(binascii.a2b_base64(packed).decode("utf-16-be", "ignore").encode("utf-8", "ignore"))
    return b"\n".join(found)


def folded(data: bytes) -> bytes:
    """UTF-8 text in plain letters; itself where there is nothing to fold. Bytes that are no UTF-8 may be dropped."""
    if _is_binary(data) and sum(map(data.count, _STRANGE)) < 24 + len(data) // 512:
        return data
    foreign = set(data.translate(None, _ASCII).decode("utf-8", "ignore"))
    changes = {one: other for one in foreign if (other := _plain_character(one)) != one}
    if len(changes) > _FEW:
        return data.decode("utf-8", "ignore").translate({ord(one): other for one, other in changes.items()}).encode()
    for one, other in changes.items():
        data = data.replace(one.encode(), other.encode())
    return data


@lru_cache(4096)
def _plain_character(character: str) -> str:
    """What a character looks like: nothing, an ASCII character or several, or itself."""
    if "\U000e0020" <= character <= "\U000e007e":  # tags, an invisible copy of ASCII
        return chr(ord(character) - 0xE0000)
    if _INVISIBLE.match(character) is not None:
        return ""
    return "-" if character in _DASHES else unicodedata.normalize("NFKC", character).translate(_ALIKE)


def _is_binary(data: bytes) -> bool:
    """Whether bytes are strewn in that no text has."""
    return 25 * (len(data) - len(data.translate(None, _CONTROLS))) > len(data)


def _without_backslashes(data: bytes) -> bytes:
    """Escapes of JSON and of program text. However often they were escaped again, one backslash is left to undo."""
    data = _SPACES.sub(b"\n", data)
    if b'\\"' in data:
        data = _QUOTES.sub(b'"', data)
    if b"\\" not in data:
        return data
    while b"\\\\" in data:
        data = data.replace(b"\\\\", b"\\")
    if b"\\u" in data or b"\\U" in data:
        data = _UNICODE.sub(_utf16_of_escape, _LONG.sub(_of_code, data))
    if b"\\x" in data:
        data = _HEX.sub(_of_hex, data)
    if b"\\u{" in data or b"\\x{" in data or b"\\o{" in data:
        data = _BRACED.sub(_of_code, data)
    return _CSS.sub(_of_code, _OCTAL.sub(_of_octal, data)).replace(b"\\/", b"/")


def _of_percent(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"%", b"").decode())


def _utf16_of_percent(match: re.Match[bytes]) -> bytes:
    return _utf16(match[0].replace(b"%u", b""))


def _utf16_of_escape(match: re.Match[bytes]) -> bytes:
    return _utf16(match[0].replace(b"\\u", b"").replace(b"\\U", b"").replace(b"+", b""))


def _utf16(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode()).decode("utf-16-be", "ignore").encode("utf-8", "ignore")


def _of_hex(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"\\x", b"").decode())


def _of_octal(match: re.Match[bytes]) -> bytes:
    return bytes(int(code, 8) for code in _ONE_OCTAL.findall(match[0]))


def _of_code(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16)
    return chr(code).encode("utf-8", "ignore") if code < 0x110000 else b""


def _of_entity(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode()).encode("utf-8", "ignore")

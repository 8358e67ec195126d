"""Letters that only look like those of ASCII, and characters that nobody sees."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from bottle.domain.dlp.hidden import revealed

_FEW: Final = 8  # characters; more are replaced in one walk through the text
_SPARSE: Final = 32  # bytes for each that is not ASCII: where there are fewer, what is ASCII is walked through, too
_FOREIGN: Final = re.compile(rb"[\x80-\xff]+")
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
_LETTER: Final = re.compile(r"(?:.*CAPITAL LETTER|REGIONAL .*LETTER|.*(SMALL CAPITAL)) ([A-Z])\Z")


def _drawn() -> Iterator[tuple[int, str]]:
    """Letters in boxes and on flags, and capitals of the height of small letters: what their names say."""
    for code in (0x262, 0x26A, 0xA730, 0xA731, *range(0x274, 0x2A0), *range(0x1D00, 0x1D23), *range(0x1F150, 0x1F200)):
        if (name := _LETTER.match(unicodedata.name(chr(code), ""))) is not None:
            yield code, name[2].lower() if name[1] else name[2]


_ALIKE: Final = str.maketrans(_ALIKE_FROM, _ALIKE_TO) | dict(_drawn())
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2212"
_OVERLONG: Final = re.compile(rb"(?:[\xc0\xc1][\x80-\xbf])+")  # no UTF-8 (RFC 3629 3), and yet read by some as ASCII
_ASCII: Final = bytes(range(128))
_CONTROLS: Final = bytes(code for code in range(1, 32) if code not in b"\t\n\r\x1b") + b"\x7f"
_STRANGE: Final = (b"\xef\xbc", b"\xef\xbd", b"\xe2\x80", b"\xe2\x81", b"\xc2\xad", b"\xf0\x9d", b"\xcc")


def folded(data: bytes) -> bytes:
    """UTF-8 text in plain letters; itself where there is nothing to fold. Bytes that are no UTF-8 may be dropped."""
    others = data.translate(None, _ASCII)
    if 8 * len(others) > len(data) and _is_binary(data) and _has_little(data):
        return data
    if b"\xc0" in others or b"\xc1" in others:
        data = _OVERLONG.sub(_shortened, data)
    foreign = others.decode("utf-8", "ignore")
    kinds = set(foreign)
    data = revealed(data, foreign, kinds)
    changes = {one: other for one in kinds if (other := _plain_character(one)) != one}
    if len(changes) > _FEW:
        table = {ord(one): other for one, other in changes.items()}
        if _SPARSE * len(others) > len(data):
            return _translated(data, table)
        return _FOREIGN.sub(lambda match: _translated(match[0], table), data)
    for one, other in changes.items():
        data = data.replace(one.encode(), other.encode())
    return data


def _shortened(overlong: "re.Match[bytes]") -> bytes:
    return bytes((lead & 1) << 6 | rest & 63 for lead, rest in zip(overlong[0][::2], overlong[0][1::2], strict=True))


def _translated(data: bytes, table: dict[int, str]) -> bytes:
    return data.decode("utf-8", "ignore").translate(table).encode()


def _has_little(data: bytes) -> bool:
    """Whether there is no more to fold than chance makes of binary content."""
    return sum(map(data.count, _STRANGE)) < 24 + len(data) // 512


@lru_cache(4096)
def _plain_character(character: str) -> str:
    """What a character looks like: nothing, an ASCII character or several, or itself."""
    if "\U000e0020" <= character <= "\U000e007e":  # tags, an invisible copy of ASCII
        return chr(ord(character) - 0xE0000)
    if _INVISIBLE.match(character) is not None:
        return ""
    if character in _DASHES:
        return "-"
    bare = _INVISIBLE.sub("", unicodedata.normalize("NFKD", character))  # without accents
    plain = (bare if bare.isascii() else unicodedata.normalize("NFKC", character)).translate(_ALIKE)
    return str(int(plain)) if plain.isdecimal() and not plain.isascii() else plain


def _is_binary(data: bytes) -> bool:
    """Whether bytes are strewn in that no text has."""
    return 25 * (len(data) - len(data.translate(None, _CONTROLS))) > len(data)

"""Long runs of one alphabet in a text, and what they decode to where that makes sense.

A run is found by mapping each byte to whether it is in the alphabet and searching for a row of marks, which costs a
fraction of what a regular expression does. What a run decodes to is kept when it is mostly text, long, or opens as a
packed format does: decoding anything else leads nowhere.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Final

_MARK = b"A"
_TEXT: Final = bytes(range(32, 127)) + b"\t\n\r"
_UPPER, _LOWER, _DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz", b"0123456789"
_SHORTEST64, _SHORTEST32, _SHORTEST16, _SHORTEST85 = 20, 26, 32, 25
_NUMBERS_FROM = 40
_PROBE = 60
_LONG = 256
_PACKED: Final = re.compile(
    rb"\x1f\x8b\x08|x[\x01\x5e\x9c\xda]|\x28\xb5\x2f\xfd|BZh|\xfd7zXZ|PK\x03\x04|\A(?:\xff\xfe|\xfe\xff|\x5d\0\0)"
)
_BEGINNINGS: Final = (
    b"\x1f\x8b\x08\0",
    b"x\x9c",
    b"x\xda",
    b"x\x01",
    b"x^",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\xfd7zX",
    b"\xff\xfe",
    b"\xfe\xff",
    b"PK\x03\x04",
)


def _alphabet(allowed: bytes) -> bytes:
    return bytes(_MARK[0] if code in allowed else 32 for code in range(256))


IN_64: Final = _alphabet(_UPPER + _LOWER + _DIGITS + b"+/-_=")
_IN_NUMBERS: Final = _alphabet(_DIGITS + b"abcdefABCDEFxXhou\\,;:|.-+#&[](){}<>/_'\" \t\r\n")
_IN_85: Final = _alphabet(b"\x01" + bytes(range(33, 127)).replace(b'"', b""))
_TO_64: Final = bytes.maketrans(b"-_", b"+/")
_LEADS64: Final = _UPPER + b"abcdef"  # a group of base64 begins so when its first byte is ASCII
_OPENINGS64: Final = (b"H4sI", b"eJ", b"eA", b"eN", b"eF", b"KLUv/", b"QlpoO", b"/Td6", b"UEsDB", b"//4", b"XQAA")
_LEADS32: Final = b"ABCDEFGHIJKLMNOP"
_IN_TOKENS: Final = _UPPER + _LOWER + _DIGITS + b"_-.:/+=~"
_ALTERNATING: Final = _MARK + (b" " + _MARK) * 11
_ALTERNATION: Final = re.compile(rb"(?:A )+")
_IN_LINES: Final = IN_64[:10] + b"N" + IN_64[11:]
_LINE_END: Final = _MARK * 12 + b"N" + _MARK
_BETWEEN_32: Final = re.compile(rb"[-_/+=]+")
_SIGNS: Final = re.compile(rb"[=+/]")
_FOLLOWED = 1024  # characters: a run of so many at the end of a piece goes on in the next
_IN_WRAPPED: Final = _alphabet(_UPPER + _LOWER + _DIGITS + b"+/-_=\r\n\\")
_WRAPS: Final = re.compile(rb"\\[rn]|[\r\n\\]+")
_NUMBER: Final = re.compile(rb"[0-9A-Fa-f]+")
_PREFIX: Final = re.compile(rb"0[xXbBoO]|\\[xXou]?|[uU]\+?(?:00)?|[xXhou]")
_RFC1924: Final = _DIGITS + _UPPER + _LOWER + b"!#$%&()*+-;<=>?@^_`{|}~"
_ZERO85: Final = _DIGITS + _LOWER + _UPPER + b".-:+=^!/*?&<>()[]{}@%$#"
_TO_RFC1924: Final = bytes.maketrans(_ZERO85, _RFC1924)


def runs(data: bytes, alphabet: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Where runs of at least so many bytes of the alphabet stand."""
    marks = data.translate(alphabet)
    row = _MARK * shortest
    start = marks.find(row)
    while start >= 0:
        end = marks.find(b" ", start + shortest)
        end = len(marks) if end < 0 else end
        yield start, end
        start = marks.find(row, end)


def is_worth_reading(data: bytes) -> bool:
    """Whether decoded bytes are more than noise: mostly text (in UTF-16, too), long, or the beginning of a packing."""
    return len(data) >= _LONG or _is_plain(data)


def _is_plain(data: bytes) -> bool:
    others = len(data.translate(None, _TEXT))
    if (3 if len(data) > 64 else 5) * others <= len(data) or 5 * data.count(0) >= 2 * len(data):
        return True
    return _PACKED.search(data) is not None or _is_utf8(data)


def may_be_packed(data: bytes) -> bool:
    """Whether a packing may begin somewhere in the data."""
    return _PACKED.search(data) is not None


def _is_utf8(data: bytes) -> bool:
    """Whether it is, but for what cutting did at both ends."""
    return len(data.decode("utf-8", "ignore").encode()) + 6 >= len(data) >= 16


def decoded(text: bytes) -> Iterator[bytes]:
    """What the runs of letters and digits in a text decode to."""
    seen = {text[start:end] for start, end in runs(text, IN_64, _SHORTEST64)}
    seen.update(_wrapped(text))
    for run in seen:
        for found in _alphanumeric(run):
            yield found
            yield from _unglued(found)
        if run[:3].isupper() and len(run.translate(None, _DIGITS)) < len(run):
            yield run.swapcase()  # a token whose case was turned around
    yield from _spread(text)
    for start, end in runs(text, _IN_NUMBERS, _NUMBERS_FROM):
        yield from _from_words(_NUMBER.findall(_PREFIX.sub(b" ", text[start:end])))


def _wrapped(text: bytes) -> Iterator[bytes]:
    """Runs that go on from line to line, put together; their lines may be indented."""
    if b"\n" not in text:
        return
    text = text.replace(b"\r", b"")
    for size in (8, 4, 2, 1):
        text = text.replace(b"\n" + b" " * size, b"\n")
    marks = text.translate(_IN_LINES)
    at = marks.find(_LINE_END)
    while at >= 0:
        start, end = marks.rfind(b" ", 0, at) + 1, marks.find(b" ", at)
        end = len(marks) if end < 0 else end
        yield text[start:end].replace(b"\n", b"")
        at = marks.find(_LINE_END, end)


def _unglued(found: bytes) -> Iterator[bytes]:
    """Short text without what may have been encoded with it: a pattern knows a token by what it stands beside."""
    if _SHORTEST64 < len(found) <= _LONG and not found.translate(None, _IN_TOKENS):
        yield from (found[first : len(found) - last] for first in range(3) for last in range(3) if first or last)


def _spread(text: bytes) -> Iterator[bytes]:
    """Single characters between each two of which stands one that is no letter or digit."""
    marks = text.translate(IN_64)
    start = marks.find(_ALTERNATING)
    while start >= 0:
        match = _ALTERNATION.match(marks, start)
        end = match.end() if match is not None else start + 1
        yield text[start : end + 1 : 2]
        start = marks.find(_ALTERNATING, end)


def _alphanumeric(run: bytes) -> Iterator[bytes]:
    is_lower = run.islower()
    if len(run) >= _SHORTEST32 and (is_lower or run.isupper()):
        yield from _from_base32(run.upper())
    if not is_lower and not run.isdigit():
        yield from _from_base64(run.translate(_TO_64))


def _from_base64(text: bytes) -> Iterator[bytes]:
    """Read from the run's beginning, or, where that is noise, from one of the three places after it, or behind a sign
    that may be no part of it (`key=`, `/`). Noise in which something may be packed is kept as it is read first."""
    for piece in (text, *_parts(text)):
        for offset in range(4):
            if _may_be_64(piece, offset) and _is_plain(_base64(piece[offset : offset + _PROBE].replace(b"=", b""))):
                yield _base64(piece[offset:].replace(b"=", b""))
                return
    found = _base64(text.replace(b"=", b""))
    if len(found) > _LONG or _PACKED.search(found) is not None:
        yield found


def _may_be_64(text: bytes, offset: int) -> bool:
    """Whether most groups begin as those of ASCII do, or of UTF-8 in other scripts, or the first as a packing does."""
    leads = text[offset : offset + _PROBE : 4]
    return _are_telling(len(leads.translate(None, _LEADS64)), len(leads)) or text.startswith(_OPENINGS64, offset)


def _are_telling(high: int, count: int) -> bool:
    """Whether so many bytes above ASCII are too few, or too many, for noise."""
    return 4 * high <= count or 10 * high >= 7 * count


def _parts(text: bytes) -> list[bytes]:
    if not 0 < text.count(b"=") + text.count(b"/") + text.count(b"+") <= 16:
        return []
    return [part for part in _SIGNS.split(text) if len(part) >= _SHORTEST64]


def _base64(text: bytes) -> bytes:
    rest = len(text) % 4
    return binascii.a2b_base64(text + b"=" * (4 - rest) if rest > 1 else text[: len(text) - rest])


def _from_base32(run: bytes) -> Iterator[bytes]:
    for part in _BETWEEN_32.split(run):
        if len(part) >= _SHORTEST32 and not part.translate(None, _UPPER + b"234567"):
            yield from _first_plain_32(part)


def _first_plain_32(text: bytes) -> Iterator[bytes]:
    for offset in range(8):
        leads = text[offset : offset + 64 : 8]
        is_telling = _are_telling(len(leads.translate(None, _LEADS32)), len(leads))
        if (is_telling or text.startswith(_OPENINGS32, offset)) and _is_plain(_base32(text[offset : offset + 64])):
            yield _base32(text[offset:])
            return


def _base32(text: bytes) -> bytes:
    whole = {1: 0, 3: 2, 6: 5}.get(len(text) % 8, len(text) % 8)
    text = text[: len(text) // 8 * 8 + whole]
    return base64.b32decode(text + b"=" * (-len(text) % 8))


def _from_words(words: list[bytes]) -> Iterator[bytes]:
    """Rows of numbers read as codes: hexadecimal, decimal, octal or binary, whatever stood between them."""
    digits = b"".join(words)
    if len(digits) < _SHORTEST16:
        return
    for offset in (0, 1):
        found = bytes.fromhex(digits[offset : offset + (len(digits) - offset) // 2 * 2].decode())
        if found.isascii() or is_worth_reading(found):
            yield found
            yield from _unmasked(found)
            break
    if len(words) > len(digits) / 4:
        yield from (found for base in (10, 8) if is_worth_reading(found := _codes(words, base)))
    bits = [word for word in words if not word.strip(b"01")]
    if 10 * sum(map(len, bits)) >= 9 * len(digits):
        yield from _from_bits(bits, b"".join(bits))


def _codes(words: list[bytes], base: int) -> bytes:
    allowed = b"0123456789"[:base]
    codes = (int(word, base) for word in words if len(word) < 4 and not word.strip(allowed))
    return bytes(code for code in codes if code < 256)


def _from_bits(words: list[bytes], digits: bytes) -> Iterator[bytes]:
    """Eight binary digits to a byte; seven, where they stand in sevens."""
    yield int(digits, 2).to_bytes(len(digits) // 8 + 1)
    yield (int(digits, 2) << (-len(digits) % 8)).to_bytes(len(digits) // 8 + 1)
    if all(len(word) <= 7 for word in words):
        yield bytes(int(word, 2) for word in words)


def _unmasked(found: bytes) -> Iterator[bytes]:
    """ASCII may be other text under a key of one byte."""
    if not found.isascii() or len(found) > 16 * _LONG:
        return
    for key in range(1, 128):
        text = found.translate(bytes(code ^ key for code in range(256)))
        if not text.translate(None, _TEXT):
            yield text


def punctuated(data: bytes) -> Iterator[bytes]:
    """What runs in base85 decode to, in its common alphabets. A quotation mark ends a run, unless it is escaped."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"\\").replace(b'\\"', b"\x01")
    for start, end in runs(data, _IN_85, _SHORTEST85):
        run = data[start:end]
        if b"\x01" in run:
            run = run.replace(b"\x01", b'"')
        for leads, decode in _IN_FIVES:
            if not run[:_SHORTEST85:5].translate(None, leads) or run.startswith(_OPENINGS85[decode]):
                yield from _text_of(run, decode)


def _text_of(run: bytes, decode: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """What the run decodes to; nothing where its first groups are neither text nor the beginning of a packing."""
    if run.isalnum() or run.islower() or run.isupper():
        return  # there is no base85 without signs
    probe = _leading(run[:10], decode)
    if not probe.translate(None, _TEXT + b"\0") or _PACKED.match(probe) is not None:
        yield _leading(run, decode)


def _leading(text: bytes, decode: Callable[[bytes], bytes]) -> bytes:
    """As much as can be decoded from the beginning; a byte that is no text where that is nothing."""
    try:
        return decode(text)
    except ValueError:
        low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            decode(text[:middle])
            low = middle
        except ValueError:
            high = middle
    return decode(text[:low]) or b"\0"


def _ascii85(text: bytes) -> bytes:
    return base64.a85decode(text)


def _rfc1924(text: bytes) -> bytes:
    return base64.b85decode(text)


def _zero85(text: bytes) -> bytes:
    if text.translate(None, _ZERO85):
        raise ValueError("not of the alphabet")
    return base64.b85decode(text.translate(_TO_RFC1924))


def open_run(data: bytes) -> int | None:
    """Where the long run of base64 begins that the end of the data cuts; None where there is none."""
    first = data.translate(_IN_WRAPPED).rfind(b" ") + 1
    if len(data) - first < _FOLLOWED:
        return None
    return first + data[first : first + 64].rfind(b"=") + 1  # `key=` stands before what is encoded


class Decoder64:
    """Base64 that comes in pieces, wrapped or not. Where it begins is found out from its first characters."""

    def __init__(self) -> None:
        self._held = b""
        self._aligned = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What the next characters decode to, and whether the run may go on behind them."""
        end = data.translate(_IN_WRAPPED).find(b" ")
        text = self._held + _WRAPS.sub(b"", data if end < 0 else data[:end]).translate(_TO_64, b"=")
        if not self._aligned:
            self._aligned = True
            offsets = (offset for offset in range(4) if _is_plain(_base64(text[offset : offset + _PROBE])))
            text = text[next(offsets, 0) :]
        cut = len(text) // 4 * 4 if end < 0 else len(text)
        self._held = text[cut:]
        return _base64(text[:cut]), end < 0


def _beginnings(encode: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """How packed content begins in an encoding: what is the same whatever follows the first bytes."""
    pairs = ((encode(magic + bytes(8)), encode(magic + b"\xff" * 8)) for magic in _BEGINNINGS)
    return tuple(_shared(low, high) for low, high in pairs)


def _shared(low: bytes, high: bytes) -> bytes:
    return low[: next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))]


_OPENINGS32: Final = _beginnings(base64.b32encode)
_OPENINGS85: Final = {
    _ascii85: _beginnings(base64.a85encode),
    _rfc1924: _beginnings(base64.b85encode),
    _zero85: _beginnings(lambda data: base64.b85encode(data).translate(bytes.maketrans(_RFC1924, _ZERO85))),
}
# A group of five begins with one of these when its first byte is printable, or zero.
_IN_FIVES: Final = (
    (b"!" + bytes(range(43, 75)), _ascii85),
    (b"0" + _UPPER + b"abcdef", _rfc1924),
    (b"0" + _LOWER + b"ABCDEF", _zero85),
)

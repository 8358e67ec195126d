"""How one character of a known value may be written: as it is, or escaped for a URL, JSON, JavaScript or HTML."""

import re
from functools import cache
from typing import Final

Spellings = tuple[bytes, ...]
"""All that may stand for one character; the plain one first."""

MARKS: Final = (b"%", b"\\", b"&")
WIDEST_ESCAPE: Final = 9

_NAMED = {b"&": b"amp", b"<": b"lt", b">": b"gt", b'"': b"quot", b"'": b"apos", b"/": b"sol", b"+": b"plus",
          b"=": b"equals", b"_": b"lowbar", b".": b"period", b":": b"colon"}  # fmt: skip
_ALPHABET_PAIRS = {b"+": b"-", b"-": b"+", b"/": b"_", b"_": b"/"}  # RFC 4648 5
_LINE_ENDS = (b"\n", b"\r\n", b"\\n", b"\\r\\n")  # RFC 2045 6.8, and the same within JSON
_HEX = rb"[2-7][0-9A-Fa-f]"
TOKENS: Final = {
    b"%": re.compile(rb"%(?:25)?(" + _HEX + rb")"),
    b"\\": re.compile(rb"\\\\?(?:u00|x)(" + _HEX + rb")"),
    b"&": re.compile(rb"&#([xX]0?" + _HEX + rb"|0?[0-9]{2,3});"),
}
"""One escaped character, by the mark that it begins with."""
RUNS: Final = {mark: re.compile(token.pattern + rb"(?:" + token.pattern + rb"){5,}") for mark, token in TOKENS.items()}
"""Six in a row. The first stands apart, so that the search runs to its first byte at the speed of memchr."""
ESCAPES: Final = re.compile(
    rb"(?=(%(?:25)?" + _HEX + rb"|\\{1,3}(?:(?:u00|x)" + _HEX + rb"|[^0-9A-Za-z])"
    rb"|&(?:#[xX]0?" + _HEX + rb"|#0?[0-9]{2,3}|" + b"|".join(_NAMED.values()) + rb");))"
)  # fmt: skip
"""At every place where an escape begins, within another too."""


@cache
def written(character: bytes) -> Spellings:
    """All that may stand for one character of a text."""
    code = character[0]
    found = [character]
    for digits in dict.fromkeys((b"%02x" % code, b"%02X" % code)):
        found += [b"%" + digits, b"%25" + digits, b"\\u00" + digits, b"\\\\u00" + digits]
        found += [b"\\x" + digits, b"\\\\x" + digits, b"&#x%b;" % digits, b"&#x0%b;" % digits]
    found += [b"&#%d;" % code, b"&#0%d;" % code]
    if not character.isalnum():
        found += [b"\\" * count + character for count in (1, 2, 3)]
        found += [b"&%b;" % _NAMED[character]] if character in _NAMED else []
    if character == b" ":
        found.append(b"+")
    if character == b"=":
        found.append(b"=3D")  # RFC 2045 6.7
    return tuple(found)


@cache
def written_in_base64(character: bytes) -> Spellings:
    """All that may stand for the first character of base64, whichever its alphabet."""
    other = _ALPHABET_PAIRS.get(character)
    return written(character) if other is None else written(character) + written(other)


@cache
def wrapped_in_base64(character: bytes) -> Spellings:
    """The same for a later character, before which a line may end."""
    others = (character, _ALPHABET_PAIRS.get(character, character))
    return written_in_base64(character) + tuple(end + one for end in _LINE_ENDS for one in dict.fromkeys(others))


@cache
def written_in_hex(character: bytes) -> Spellings:
    """Two hexadecimal digits, in either case."""
    return tuple(dict.fromkeys((b"%02x" % character[0], b"%02X" % character[0])))

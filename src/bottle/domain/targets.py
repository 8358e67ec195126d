"""Request targets in the one form in which they are judged and sent (RFC 3986 6.2.2, RFC 9112 3.2.1).

The canonical target is what goes upstream. `readings` are all the paths that some server between here and the handler might take
it for (encoded separators decoded, decoded twice, path parameters dropped): a rule that *allows* must hold for every reading,
a rule that *refuses* holds when any reading matches.
"""

import re

from attrs import frozen

_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/%\[\]|\"<>^`{}]*\Z")
_QUERY = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]|\"<>^`{}\\]*\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MAX_DECODINGS = 4


class InvalidTargetError(ValueError):
    """The target has no single meaning; the message says why."""


@frozen
class Target:
    """A request target in origin form. `str()` is the canonical text that is sent."""

    path: str
    query: str | None
    readings: tuple[str, ...]

    def __str__(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"


ASTERISK = Target("*", None, ("*",))
"""The target of a server-wide OPTIONS (RFC 9112 3.2.4)."""


def parse_target(text: str) -> Target:
    """A target in origin form, made canonical: unreserved characters decoded, hexadecimal digits in upper case.

    Raises InvalidTargetError for control and non-ASCII characters, backslashes, fragments, broken escapes, encoded NUL, and for a
    path of which any reading holds a dot segment.
    """
    path, mark, query = text.partition("?")
    if _PATH.match(path) is None:
        raise InvalidTargetError(
            "the path is not `/` followed by printable ASCII without spaces, `\\` or `#`"
        )
    if _QUERY.match(query) is None:
        raise InvalidTargetError("the query holds a character that a URL may not hold")
    if _BROKEN_ESCAPE.search(path):
        raise InvalidTargetError("a `%` in the path is not followed by two hexadecimal digits")
    canonical = _ESCAPE.sub(_canonical_escape, path)
    readings = _readings(canonical)
    for reading in readings:
        _refuse_ambiguity(reading)
    return Target(canonical, query if mark else None, readings)


def path_allows(prefix: str, target: Target) -> bool:
    """Whether every reading of the target lies at or below `prefix`, on a segment boundary."""
    return all(_below(prefix, reading) for reading in target.readings)


def query_pairs(query: str) -> tuple[tuple[str, str], ...]:
    """Name and value pairs of a query, fully decoded, split at `&` and `;` (servers differ, so both)."""
    pairs = (item.partition("=") for item in re.split("[&;]", query))
    return tuple(
        (_decode_fully(name.replace("+", " ")), _decode_fully(value.replace("+", " ")))
        for name, _, value in pairs
    )


def _below(prefix: str, path: str) -> bool:
    if prefix.endswith("/"):
        return path.startswith(prefix)
    return path == prefix or path.startswith(f"{prefix}/")


def _canonical_escape(match: re.Match[str]) -> str:
    byte = int(match[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


def _decode_once(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _decode_fully(text: str) -> str:
    for _ in range(_MAX_DECODINGS):
        decoded = _decode_once(text)
        if decoded == text:
            break
        text = decoded
    return text


def _readings(path: str) -> tuple[str, ...]:
    readings = [path]
    for _ in range(_MAX_DECODINGS):
        decoded = _decode_once(readings[-1]).replace("\\", "/")
        if decoded == readings[-1]:
            return tuple(readings)
        readings.append(decoded)
    raise InvalidTargetError(f"the path is percent-encoded more than {_MAX_DECODINGS} times over")


def _refuse_ambiguity(reading: str) -> None:
    if "\0" in reading:
        raise InvalidTargetError("the path holds an encoded NUL")
    for segment in reading.split("/"):
        # A servlet container drops `;parameters` before it looks at the dots: `/..;/` climbs.
        if segment.partition(";")[0] in (".", ".."):
            raise InvalidTargetError("the path holds a dot segment, plain or encoded")

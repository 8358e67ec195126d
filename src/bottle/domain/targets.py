"""Request targets: what is sent, and everything that it may be taken for (RFC 3986, RFC 9112 3.2).

A target is sent byte for byte as the client wrote it, because signatures cover its spelling (AWS SigV4, OAuth 1) and
registries compare it; so it is either unambiguous or refused, never repaired. `readings` are all the paths that some
server between here and the handler might see: escapes decoded once or more, path parameters dropped, backslashes
turned, look-alike characters folded. A rule that *allows* must hold for every reading, a rule that *refuses* holds
when any reading matches.
"""

import functools
import re
import unicodedata

from attrs import field, frozen

_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/%\[\]|\"<>^`{}]*\Z")
_QUERY = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]|\"<>^`{}\\]*\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNICODE_ESCAPE = re.compile(r"%u([0-9A-Fa-f]{4})")
_PARAMETERS = re.compile(r";[^/]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Longer spellings than UTF-8 permits (RFC 3629 3): lenient decoders read C0 AE as `.` and C0 AF as `/`.
_OVERLONG = re.compile(r"%C[01]|%E0%[89]|%F[08C]%8", re.IGNORECASE)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MAX_READINGS = 16
_MAX_DECODINGS = 4


class InvalidTargetError(ValueError):
    """The target has no single meaning; the message says why."""


@frozen
class Target:
    """A request target in origin form. `str()` is the text that is sent.

    Rules look at `readings`, of which the first is the path in RFC 3986's normal form.
    """

    path: str
    query: str | None
    readings: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"


ASTERISK = Target("*", None, ("*",))
"""The target of a server-wide OPTIONS (RFC 9112 3.2.4)."""


def parse_target(text: str) -> Target:
    """A target in origin form; `str()` of the result is `text`.

    Raises InvalidTargetError for characters that a URL may not hold (control, non-ASCII, space, `#`), and for a path
    with a backslash, a broken escape, or any reading that begins with `//` or holds a dot segment, a control character
    or overlong UTF-8.
    """
    path, mark, query = text.partition("?")
    if _PATH.match(path) is None:
        raise InvalidTargetError("the path is not `/` followed by printable ASCII without spaces, `\\` or `#`")
    if _QUERY.match(query) is None:
        raise InvalidTargetError("the query holds a character that a URL may not hold")
    if _BROKEN_ESCAPE.search(path):
        raise InvalidTargetError("a `%` in the path is not followed by two hexadecimal digits")
    readings = _readings(_ESCAPE.sub(_canonical_escape, path))
    for reading in readings:
        _refuse_ambiguity(reading)
    return Target(path, query if mark else None, readings)


def path_allows(prefix: str, target: Target) -> bool:
    """Whether every reading of the target lies at or below `prefix`, on a segment boundary.

    A prefix with an escape (`/@scope%2fname`) stands for its decoded forms too. One that is no path allows nothing.
    """
    meant = _prefix_readings(prefix)
    return all(any(_below(one, reading) for one in meant) for reading in target.readings)


def query_pairs(query: str) -> tuple[tuple[str, str], ...]:
    """Name and value pairs of a query, fully decoded, split at `&` and `;` (servers differ, so both).

    Broken escapes stay as they are.
    """
    pairs = (item.partition("=") for item in re.split("[&;]", query))
    return tuple(
        (_decode_fully(name.replace("+", " ")), _decode_fully(value.replace("+", " "))) for name, _, value in pairs
    )


@functools.lru_cache(maxsize=1024)
def _prefix_readings(prefix: str) -> tuple[str, ...]:
    try:
        target = parse_target(prefix)
    except InvalidTargetError:
        return ()
    # Parameters are part of what the operator wrote: without them the rule would be wider than its text.
    return () if target.query is not None or ";" in prefix else target.readings


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
        decoded = _decode_once(_UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))
        if decoded == text:
            break
        text = decoded
    return text


def _without_parameters(path: str) -> str:
    """As a servlet container sees it: `/..;/` climbs."""
    return _PARAMETERS.sub("", path)


def _with_slashes(path: str) -> str:
    return path.replace("\\", "/")


def _compatible(path: str) -> str:
    """As a server sees it that decodes UTF-8 and folds look-alikes: U+FF0F is a slash, U+2025 two dots."""
    if path.isascii():
        return path
    try:
        path = path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass  # decoded already, or another character set
    return unicodedata.normalize("NFKC", path)


def _readings(path: str) -> tuple[str, ...]:
    """The path and all that the steps make of it, in any order and any number of times."""
    readings = [path]
    for reading in readings:  # grows while it is read
        for step in (_decode_once, _with_slashes, _without_parameters, _compatible):
            other = step(reading)
            if other not in readings:
                readings.append(other)
        if len(readings) > _MAX_READINGS:
            raise InvalidTargetError(f"the path can be read in more than {_MAX_READINGS} ways")
    return tuple(readings)


def _refuse_ambiguity(reading: str) -> None:
    if reading.startswith("//"):  # RFC 3986 4.2: what follows may be taken for a host
        raise InvalidTargetError("the path begins with `//`, plain or encoded, which can be read as the name of a host")
    if _CONTROL.search(reading):
        raise InvalidTargetError("the path holds an encoded control character")
    if _OVERLONG.search(reading):
        raise InvalidTargetError("the path holds overlong UTF-8")
    # Windows drops spaces around a name, and some decoders the bytes that are no text in their character set.
    plain = reading if reading.isascii() else reading.encode("ascii", "ignore").decode()
    for segment in plain.split("/"):
        if segment.strip(" ") in (".", ".."):
            raise InvalidTargetError("the path holds a dot segment, plain or encoded")

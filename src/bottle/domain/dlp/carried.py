"""What short fields of consecutive requests said, so that a value is found that leaves a few characters at a time."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

_SHORT: Final = 256  # bytes of a field; a longer one is looked at by itself
_KEPT: Final = 1024
_FIELDS: Final = 1024
LONGEST_BODY: Final = 4096
"""Bytes of a body whose fields are told apart."""

# Each character of a string is taken once, so this is linear whatever stands there.
_MEMBER: Final = re.compile(rb'"([^"\\]{1,64})"\s*:\s*(?:"((?:[^"\\]++|\\.)*+)"|(-?[0-9.]+))')


class Carried:
    """The last characters of each field of one bottle's requests, by the field's name. Bounded; the oldest go first."""

    def __init__(self) -> None:
        self._said: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()
        self.head: object = None
        """The last head that passed: one like it says nothing new."""

    def after(self, name: bytes, value: bytes) -> bytes:
        """The value behind what the field said before; empty where that is nothing new."""
        before, last = self._said.get(name, (b"", b""))
        is_new = value != last and 0 < len(value) <= _SHORT
        return (before + value)[-_KEPT:] if is_new else b""

    def keep(self, name: bytes, value: bytes, joined: bytes) -> None:
        """Notes that the field said this, too: only what has passed, since one refusal must not become many."""
        self._said[name] = joined, value
        self._said.move_to_end(name)
        if len(self._said) > _FIELDS:
            self._said.popitem(last=False)


def fields_of(body: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a short body: members of JSON, pairs of a form, or all of it under no name."""
    if body.lstrip()[:1] in (b"{", b"["):
        return list(_members(body))
    if b"=" in body and not body.translate(None, _OF_FORMS):
        return pairs_of(body)
    return [(b"", body.strip())]


def pairs_of(text: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a form or a query, unescaped, in whatever character set they are."""
    parted = (pair.partition(b"=") for pair in text.replace(b"+", b" ").split(b"&") if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parted]


def _members(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    for match in _MEMBER.finditer(body):
        yield match[1], match[2] if match[2] is not None else match[3]


_OF_FORMS: Final = bytes(range(33, 127))

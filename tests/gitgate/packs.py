"""Packs as no git would make them (gitformat-pack(5))."""

import hashlib
import struct
import zlib
from collections.abc import Sequence

from attrs import frozen

from tests.support.git_client import Git

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_NAMED_DELTA = 7


@frozen
class Entry:
    """One object of a pack; `base` names what its content is a delta of."""

    kind: int
    content: bytes
    base: str = ""

    def packed(self) -> bytes:
        return _head(self.kind, len(self.content)) + bytes.fromhex(self.base) + zlib.compress(self.content)


def pack(entries: Sequence[Entry]) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entry.packed() for entry in entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def whole(git: Git, commit: str) -> list[Entry]:
    """A commit with all that it reaches, as it is. (The contents are text.)"""
    entries = []
    for oid in git("rev-list", "--objects", "--no-object-names", commit).split():
        kind = git("cat-file", "-t", oid)
        raw = git.raw("cat-file", kind, oid)
        entries.append(Entry(_KINDS[kind], raw))
    return entries


def blob(content: bytes) -> Entry:
    return Entry(_KINDS["blob"], content)


def blob_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def delta(base: bytes, size: int, steps: Sequence[bytes]) -> Entry:
    """An object of `size` bytes made by `steps` out of a blob."""
    return Entry(_NAMED_DELTA, _number(len(base)) + _number(size) + b"".join(steps), blob_name(base))


def copied(offset: int, size: int) -> bytes:
    """The step that takes a part of the base."""
    return b"\xff" + struct.pack("<I", offset) + struct.pack("<I", size)[:3]


def inserted(content: bytes) -> bytes:
    """The step that adds up to 127 bytes."""
    return bytes([len(content)]) + content


def _head(kind: int, size: int) -> bytes:
    first, rest = kind << 4 | size & 15, size >> 4
    return bytes([first | 0x80]) + _number(rest) if rest else bytes([first])


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])

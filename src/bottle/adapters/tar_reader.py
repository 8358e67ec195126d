"""The members of a tar that came out of a box, read by strict hands and never unpacked.

Whoever wrote it may have been taken over, and the usual tools follow it too far: names that climb, links that are
written through, sizes that do not end (`tarfile`'s own filter is no boundary: CVE-2025-4517). So the blocks are read
here: files, folders and symbolic links with plain paths, each path once, nothing below what is no folder. One thing
that no honest archive has, and all of it is refused.
"""

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, Literal, Self

from attrs import define, field, frozen

from bottle.adapters.tar_header import BLOCK
from bottle.domain.errors import ConflictError
from bottle.domain.taken_out import Limits, path_fault

Kind = Literal["file", "folder", "link"]

_FILES: Final = (b"0", b"\0", b"7")
_KINDS: Final[dict[bytes, Kind]] = {**dict.fromkeys(_FILES, "file"), b"5": "folder", b"2": "link"}
_HARD_LINK: Final = b"1"
_PASSED_OVER: Final = (b"3", b"4", b"6")
"""Devices and pipes: an agent may have made some, and they are nothing to keep."""
_LONG_NAME, _LONG_LINK, _PAX = b"L", b"K", b"x"
_LONGEST_EXTRA: Final = 1024 * 1024
_MAGIC: Final = slice(257, 263)
_POSIX: Final = b"ustar\0"
_CHECKSUM: Final = slice(148, 156)
_CHUNK: Final = 1024 * 1024


@frozen
class Member:
    """One thing of an archive. `content` lies `size` bytes long at `offset` of it; `target` is a link's. Times in
    seconds; modes have no bits beside those of owner, group and others."""

    path: str
    kind: Kind
    mode: int
    mtime: int
    size: int = 0
    offset: int = 0
    target: str = ""


def members(archive: BinaryIO, roots: Sequence[str], limits: Limits) -> Sequence[Member]:
    """Everything in the archive, in its order; all of it lies at or below the roots. Raises ConflictError, and OSError
    where the archive itself cannot be read."""
    return tuple(_Reading.of(archive, roots, limits).members())


def count(archive: BinaryIO, roots: Sequence[str], limits: Limits) -> int:
    """How many members there are, all of which were read. Raises as `members` does."""
    return sum(1 for _ in _Reading.of(archive, roots, limits).members())


def content(archive: BinaryIO, member: Member) -> Iterator[bytes]:
    """A file's content in pieces. Raises ConflictError when the archive ends before it does."""
    archive.seek(member.offset)
    left = member.size
    while left:
        piece = archive.read(min(left, _CHUNK))
        if not piece:
            raise _dishonest("it ends in the middle")
        left -= len(piece)
        yield piece


@define
class _Extra:
    """What the next member is called, where that does not fit into its header."""

    path: bytes | None = None
    target: bytes | None = None
    size: int | None = None


@define
class _Reading:
    """One pass through an archive of `length` bytes."""

    archive: BinaryIO
    roots: tuple[str, ...]
    limits: Limits
    length: int
    _kinds: dict[str, Kind] = field(factory=dict)
    _files: dict[str, Member] = field(factory=dict)
    _total: int = 0

    @classmethod
    def of(cls, archive: BinaryIO, roots: Sequence[str], limits: Limits) -> Self:
        return cls(archive, tuple(roots), limits, os.fstat(archive.fileno()).st_size)

    def members(self) -> Iterator[Member]:
        extra, offset = _Extra(), 0
        while (header := self._header(offset)) is not None:
            kind, size, start = header[156:157], _number(header[124:136]), offset + BLOCK
            if kind in (_LONG_NAME, _LONG_LINK, _PAX):
                self._add(extra, kind, self._whole(start, size))
            else:
                # What is no file has no content, whatever its header says of a size: GNU's and others' readers agree.
                size = (size if extra.size is None else extra.size) if kind in _FILES else 0
                yield from self._taken(header, kind, extra, start, size)
                extra = _Extra()
            offset = start + size + -size % BLOCK
            if offset > self.length:
                raise _dishonest("it ends in the middle")

    def _header(self, offset: int) -> bytes | None:
        """The next header; None where the archive says that it ends."""
        self.archive.seek(offset)
        header = self.archive.read(BLOCK)
        if len(header) < BLOCK:
            raise _dishonest("it ends in the middle")
        if not any(header):
            return None
        total = sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")
        if _number(header[_CHECKSUM]) != total:
            raise _dishonest("a header's sum is wrong")
        return header

    def _whole(self, start: int, size: int) -> bytes:
        if size > _LONGEST_EXTRA:
            raise _dishonest("a name is too long")
        self.archive.seek(start)
        return self.archive.read(size)

    def _add(self, extra: _Extra, kind: bytes, said: bytes) -> None:
        if kind == _LONG_NAME:
            extra.path = said.rstrip(b"\0")
        elif kind == _LONG_LINK:
            extra.target = said.rstrip(b"\0")
        else:
            for key, value in _records(said):
                if key.startswith(b"GNU.sparse"):
                    raise _dishonest("a file with holes")
                if key == b"path":
                    extra.path = value
                elif key == b"linkpath":
                    extra.target = value
                elif key == b"size":
                    extra.size = _decimal(value)

    def _taken(self, header: bytes, kind: bytes, extra: _Extra, start: int, size: int) -> Iterator[Member]:
        path = _text(extra.path if extra.path is not None else _name(header)).removesuffix("/")
        fault = path_fault(path, self.roots, self.limits)
        if fault is not None:
            raise _dishonest(f"{path[:80]!r} is {fault}")
        if kind in _PASSED_OVER:
            return
        target = _text(extra.target if extra.target is not None else _field(header[157:257]))
        mode, mtime = _number(header[100:108]) & 0o777, _number(header[136:148])
        if kind == _HARD_LINK:
            member = self._again(path, target)
        elif kind in _KINDS:
            place = (size, start) if kind in _FILES else (0, 0)
            member = Member(path, _KINDS[kind], mode, mtime, *place, target if kind == b"2" else "")
        else:
            raise _dishonest(f"{path[:80]!r} is of a kind that nobody knows")
        self._place(member)
        yield member

    def _again(self, path: str, target: str) -> Member:
        """A further name of a file that came before: the same content once more."""
        first = self._files.get(target)
        if first is None:
            raise _dishonest(f"{path[:80]!r} is a second name of nothing")
        return Member(path, "file", first.mode, first.mtime, first.size, first.offset)

    def _place(self, member: Member) -> None:
        """Refuses what is there twice, below what is no folder, or too much."""
        folder = member.path.rpartition("/")[0]
        while folder and folder not in self._kinds:
            self._kinds[folder] = "folder"
            folder = folder.rpartition("/")[0]
        if folder and self._kinds[folder] != "folder":
            raise _dishonest(f"{member.path[:80]!r} is below what is no folder")
        known = self._kinds.get(member.path)
        if known is not None and (known, member.kind) != ("folder", "folder"):
            raise _dishonest(f"{member.path[:80]!r} is there twice")
        if member.path in self.roots and member.kind == "link":
            raise _dishonest(f"{member.path!r} is a link")
        if member.kind == "link" and not 0 < len(os.fsencode(member.target)) <= self.limits.path:
            raise _dishonest(f"{member.path[:80]!r} leads nowhere")
        self._kinds[member.path] = member.kind
        self._total += member.size
        if member.kind == "file":
            self._files[member.path] = member
        if len(self._kinds) > self.limits.entries or self._total > self.limits.size:
            raise ConflictError("what came out of the box is more than is taken", hint="see docs/life.md for how much")


def _dishonest(what: str) -> ConflictError:
    return ConflictError(
        f"what came out of the box is no honest archive: {what}",
        hint="something in the box made it so: trust nothing of this bottle",
    )


def _name(header: bytes) -> bytes:
    name, prefix = _field(header[:100]), _field(header[345:500])
    return prefix + b"/" + name if header[_MAGIC] == _POSIX and prefix else name


def _field(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


def _text(raw: bytes) -> str:
    if b"\0" in raw:
        raise _dishonest("a name with an end in it")
    return os.fsdecode(raw)


def _number(raw: bytes) -> int:
    """Octal digits, or GNU's base 256 where the first bit says so."""
    if raw[:1] == b"\x80":
        return int.from_bytes(raw[1:])
    digits = _field(raw).strip()
    if digits.strip(b"01234567"):
        raise _dishonest("a number that is none")
    return int(digits or b"0", 8)


def _decimal(raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > 20:
        raise _dishonest("a number that is none")
    return int(raw)


def _records(said: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of an extended header (pax): `length key=value`, a line each, the length being the line's own."""
    while said:
        digits = said.partition(b" ")[0]
        length = _decimal(digits)
        line, said = said[:length], said[length:]
        key, separator, value = line[len(digits) + 1 : -1].partition(b"=")
        if not separator or len(line) != length or line[-1:] != b"\n":
            raise _dishonest("an extended header that is none")
        yield key, value

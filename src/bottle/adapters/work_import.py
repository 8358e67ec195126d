"""Two archives of a working tree as commits of a repository that nobody else writes to.

No file is ever laid out: contents go from the archives into git's objects (`git fast-import`), so no attribute, filter,
hook or link of theirs meets anything that acts on it.
"""

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from attrs import frozen

from bottle.adapters.tar_reader import Member, content, members
from bottle.domain.exported import FILE, LINK, MODULE, PROGRAM, is_repositorys_own
from bottle.domain.taken_out import LIMITS, WORKSPACE, KeptArchive

_EXECUTABLE: Final = 0o111


@frozen
class Entry:
    """One path of a tree: git's mode, the object's name, and what the archive says of it."""

    path: str
    mode: str
    id: str
    member: Member


@frozen
class Tree:
    """A working tree in an archive. `left_out` are paths in it that no commit may have: repositories of its own."""

    archive: Path
    entries: Mapping[str, Entry]
    left_out: Sequence[str] = ()


def read_tree(kept: KeptArchive, algorithm: str) -> Tree:
    """The tree, each file with its object's name (git's hash over a header and the content). Raises ConflictError."""
    entries: dict[str, Entry] = {}
    left_out: list[str] = []
    with Path(kept.path).open("rb") as archive:
        for member in members(archive, kept.roots, LIMITS[kept.part]):
            path = member.path.removeprefix(WORKSPACE).lstrip("/")
            if member.kind == "folder" or not path:
                continue
            if is_repositorys_own(path):
                left_out.append(path)
                continue
            mode = LINK if member.kind == "link" else PROGRAM if member.mode & _EXECUTABLE else FILE
            entries[path] = Entry(path, mode, _named(archive, member, algorithm), member)
    return Tree(Path(kept.path), entries, left_out)


def stream(
    words: bytes,
    archive: Path,
    entries: Iterable[Entry],
    known: Container[str],
    modules: Mapping[str, str],
    sink: BinaryIO,
) -> None:
    """Writes what `git fast-import` reads: the words that begin a commit, and the entries that are in it. Contents
    whose objects are known are named, not sent; submodules stay at their commits."""
    sink.write(words + b"deleteall\n")
    sink.writelines(_line(MODULE, commit, path) for path, commit in modules.items())
    with archive.open("rb") as contents:
        for entry in entries:
            if entry.id in known:
                sink.write(_line(entry.mode, entry.id, entry.path))
                continue
            sink.write(_line(entry.mode, "inline", entry.path) + b"data %d\n" % _size(entry.member))
            sink.writelines(_pieces(contents, entry.member))
            sink.write(b"\n")
    sink.write(b"done\n")


def commit_words(branch: str, who: str, seconds: int, text: str, parent: str) -> bytes:
    """What begins a commit. `parent` is a commit's name, or empty."""
    begin = f"commit {branch}\ncommitter {who} {seconds} +0000\ndata {len(text.encode())}\n{text}"
    return (begin + (f"from {parent}\n" if parent else "")).encode()


def _line(mode: str, name: str, path: str) -> bytes:
    return f"M {mode} {name} ".encode() + _quoted(path) + b"\n"


def _named(archive: BinaryIO, member: Member, algorithm: str) -> str:
    digest = hashlib.new(algorithm, b"blob %d\0" % _size(member), usedforsecurity=False)
    for piece in _pieces(archive, member):
        digest.update(piece)
    return digest.hexdigest()


def _size(member: Member) -> int:
    return len(_target(member)) if member.kind == "link" else member.size


def _pieces(archive: BinaryIO, member: Member) -> Iterator[bytes]:
    if member.kind == "link":
        yield _target(member)
    else:
        yield from content(archive, member)


def _target(member: Member) -> bytes:
    return member.target.encode(errors="surrogateescape")


def _quoted(path: str) -> bytes:
    raw = path.encode(errors="surrogateescape")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'

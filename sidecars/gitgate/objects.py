"""Every object of a push that the upstream does not have, in whatever way it came, with where it stands."""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from attrs import frozen

from bottle.domain.gitgate import RefUpdate
from sidecars.gitgate import git, limits
from sidecars.gitgate.git import ProgramError, Repository

_CHECK = "--batch-check=%(objectname) %(objecttype) %(objectsize) %(deltabase)"
_FIELDS = 4
_KIND = 0o170000  # git takes whatever is none of the followed kinds for a submodule, and never asks for it
_FOLLOWED = (0o100000, 0o120000, 0o040000)


class TooMuchError(Exception):
    """A push that is larger than what is looked at. The message is for its sender."""


@frozen
class Pushed:
    """One new object. `path` is one of those at which it stands, empty where it stands at none."""

    oid: str
    kind: str
    size: int
    path: str = ""


def new_objects(repository: Repository, updates: Sequence[RefUpdate]) -> Sequence[Pushed]:
    """What the refs would newly reach, and all else that lies in the quarantine: what nothing points to was sent too.

    `repository` is a quarantined one whose refs are the upstream's. Raises TooMuchError, ProgramError.
    """
    reached = _reachable(repository, updates)
    beside = _lacking(Repository.at(repository.path), [oid for oid in _quarantined(repository) if oid not in reached])
    paths = {**dict.fromkeys(beside, ""), **reached}
    if len(paths) > limits.OBJECTS:
        raise TooMuchError(f"a push may have {limits.OBJECTS} new objects, not {len(paths)}")
    if not paths:
        return ()
    listed = repository.tell("cat-file", _CHECK, stdin="".join(f"{oid}\n" for oid in paths).encode())
    found, bases = list[Pushed](), dict[str, str]()
    for line in io.BytesIO(listed):  # there may be millions
        pushed, base = _pushed(line.decode().split(), paths)
        found.append(pushed)
        if base.strip("0"):
            bases[pushed.oid] = base
    _check_sizes(found)
    _check_deltas(bases)
    return found


def contents(repository: Repository, objects: Sequence[Pushed]) -> Iterator[tuple[Pushed, bytes]]:
    """Each object's content, in order. Raises ProgramError."""
    with _asked(repository, objects) as answers:
        for pushed in objects:
            header = answers.readline().split()
            content = answers.read(pushed.size)
            if header[:1] != [pushed.oid.encode()] or len(content) != pushed.size or answers.read(1) != b"\n":
                raise ProgramError("git cat-file broke off")
            yield pushed, content


def commit_of(repository: Repository, updates: Sequence[RefUpdate], oid: str) -> str:
    """The oldest new commit that brings the object in; empty where none is found. Raises ProgramError."""
    tips = [update.new for update in updates if not update.deletes]
    done = repository.ask("log", "-m", "--root", "--format=%H", "-t", f"--find-object={oid}", *tips, "--not", "--all")
    lines = done.stdout.decode().split() if done.status == 0 else []
    return lines[-1] if lines else ""


@frozen
class Entry:
    """What a tree says of one thing in it. `link` names a submodule's commit, which nobody needs to have: any bytes."""

    name: bytes
    link: bytes = b""


def tree_entries(content: bytes, width: int) -> Iterator[Entry]:
    """What a tree object lists; `width` is the length of an object's name in bytes (gitformat-pack(5))."""
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        at = end + 1 + width
        yield Entry(name, b"" if int(mode, 8) & _KIND in _FOLLOWED else content[end + 1 : at])


def _reachable(repository: Repository, updates: Sequence[RefUpdate]) -> dict[str, str]:
    tips = "".join(f"{update.new}\n" for update in updates if not update.deletes)
    if not tips:
        return {}
    listed = repository.tell("rev-list", "--objects", "--stdin", "--not", "--all", stdin=tips.encode())
    lines = listed.decode(errors="surrogateescape").split("\n")
    return {oid: path for oid, _, path in (line.partition(" ") for line in lines) if oid}


def _quarantined(repository: Repository) -> Iterator[str]:
    """Everything that came, whether or not something points to it; of a repository without a quarantine nothing."""
    if "GIT_QUARANTINE_PATH" not in repository.env:
        return
    env: Mapping[str, str] = {**repository.env, "GIT_ALTERNATE_OBJECT_DIRECTORIES": ""}
    command = repository.command("cat-file", "--batch-check=%(objectname)", "--batch-all-objects", "--unordered")
    done = git.run(command, env)
    if done.status != 0:
        raise ProgramError("git cat-file failed on what was pushed")
    yield from done.stdout.decode().split()


def _lacking(repository: Repository, oids: Sequence[str]) -> Iterator[str]:
    """Those that the repository does not have. A thin pack is completed with what its deltas stand on, which comes from
    there (git-index-pack(1), --fix-thin)."""
    if not oids:
        return
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    listed = repository.tell("cat-file", "--batch-check=%(objectname)", stdin=asked)
    yield from (line.removesuffix(" missing") for line in listed.decode().splitlines() if line.endswith(" missing"))


def _pushed(line: Sequence[str], paths: Mapping[str, str]) -> tuple[Pushed, str]:
    """An object of git's answer to `_CHECK`, and the one that it is stored as a delta of (zeros for none)."""
    if len(line) != _FIELDS or not line[2].isdecimal():
        raise ProgramError("an object of the push is missing")
    oid, kind, size, base = line
    return Pushed(oid, kind, int(size), paths[oid]), base


def _check_sizes(objects: Sequence[Pushed]) -> None:
    largest = max(objects, key=lambda pushed: pushed.size)
    if largest.size > limits.OBJECT:
        mebibytes = limits.OBJECT // limits.MEBIBYTE
        raise TooMuchError(f"object {largest.oid} has {largest.size} bytes; {mebibytes} MiB are looked at")
    total = sum(pushed.size for pushed in objects)
    if total > limits.CONTENT:
        raise TooMuchError(f"the new objects come to {total} bytes; {limits.CONTENT} are looked at")


def _check_deltas(bases: Mapping[str, str]) -> None:
    """How many deltas stand on one another: whoever reads the last of them reads all."""
    depths: dict[str, int] = {}
    for start in bases:
        chain, oid = list[str](), start
        while oid in bases and oid not in depths and len(chain) <= limits.DELTAS:
            chain.append(oid)
            oid = bases[oid]
        depth = depths.get(oid, 0)
        for oid in reversed(chain):
            depth += 1
            depths[oid] = depth
        if depth > limits.DELTAS:
            raise TooMuchError(f"deltas may be {limits.DELTAS} deep")


@contextmanager
def _asked(repository: Repository, objects: Sequence[Pushed]) -> Iterator[IO[bytes]]:
    """git's answers for the objects. The questions come from a file: a pipe could fill while nobody reads answers."""
    with tempfile.TemporaryFile() as questions:
        questions.write("".join(f"{pushed.oid}\n" for pushed in objects).encode())
        questions.seek(0)
        process = git.start(repository.command("cat-file", "--batch", "--buffer"), repository.env, stdin=questions)
        try:
            if process.stdout is None:
                raise ProgramError("git cat-file has no output")
            yield process.stdout
        finally:
            git.end(process)

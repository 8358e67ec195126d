"""Looks for secrets in what is pushed: the values that this bottle withholds, and what gitleaks' rules know.

gitleaks reads pieces that are named and begun by the gate: by a name or a first byte it would pass over pictures,
programs, documents and whole folders, and of nothing that was pushed does it take rules, exceptions or remarks.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from bottle.domain.dlp import finding as dlp
from bottle.domain.dlp.engine import Engine
from bottle.domain.dlp.matching import NoPatterns
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Stream
from bottle.domain.git_refusals import Finding
from bottle.domain.secret_forms import SecretForms
from sidecars.gitgate import git, limits
from sidecars.gitgate.git import ProgramError, environment
from sidecars.gitgate.unpack import FOREIGN, Budget, views
from sidecars.scanner.literals import Vectorscan
from sidecars.scanner.patterns.judgement import is_random
from sidecars.scanner.unpackers import ALL

_PIECE = 80 * 1024
_OVERLAP = 8 * 1024  # longer than any key in the usual armour
_MARK = b"#\n"  # no kind of file begins so
_BATCH = 128 * limits.MEBIBYTE
_LEAKS = 3
_VALUE = "dlp.value"
_GENERIC = "generic-api-key"
# The one rule that goes by a word and entropy alone takes names, and hashes of packages, for keys. A value that this
# bottle withholds is found in lock files all the same, and so is every kind of key with a form.
_LOCK_FILES = frozenset({"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "cargo.lock", "go.sum", "poetry.lock",
                         "uv.lock", "pipfile.lock", "composer.lock", "gemfile.lock"})  # fmt: skip


@frozen
class Document:
    """Something to be looked through: a part of an object, and what a message says of where it stands."""

    oid: str
    place: str
    content: bytes = field(repr=False)
    path: str = ""


_Found = dict[tuple[str, str, str, int], Finding]
"""By object, path, rule and line: overlapping pieces find the same."""


class Scanner(Protocol):
    """Finds secrets."""

    def scan(self, documents: Iterable[Document]) -> Sequence[Finding]:
        """Everything that is found, without commits. Raises TooMuchError for what cannot be looked through whole,
        ProgramError when the search itself fails; either means that nothing may pass."""


@frozen
class _Piece:
    document: Document
    path: str
    line: int


class GateScanner:
    """Both searches at once, in batches of pieces on a disk in memory."""

    def __init__(self, gitleaks: str, folder: Path, withheld: Iterable[str]) -> None:
        """`folder` is the scanner's own, and exists."""
        self._gitleaks, self._folder = gitleaks, folder
        values = [value.encode() for value in withheld]
        self._forms = SecretForms(values)
        registered = [Registered("a credential", value) for value in values]
        self._engine = Engine.of(registered, NoPatterns(), os.urandom(32), Vectorscan, ALL)
        self._config = folder / "rules.toml"
        self._config.write_text("[extend]\nuseDefault = true\n", encoding="utf-8")
        self._count = 0

    def scan(self, documents: Iterable[Document]) -> Sequence[Finding]:
        self._count += 1
        batch = _Batch(self._folder / f"batch-{self._count}")
        budget, found = Budget(), _Found()
        try:
            for document in documents:
                for path, content in _readings(document, budget):
                    self._look(document, path, content, found)
                    batch.add(document, path, content)
                if batch.size > _BATCH:
                    self._search(batch, found)
            self._search(batch, found)
        finally:
            batch.clear()
        return tuple(found.values())

    def covered(self, text: str) -> str:
        """The text, fit to be shown: without what is withheld, and without what a terminal would obey."""
        masked = self._forms.masked(text.encode(errors="replace")).decode(errors="replace")
        return "".join(letter if letter.isprintable() else "?" for letter in masked)

    def _look(self, document: Document, path: str, content: bytes, found: _Found) -> None:
        """For the values that are withheld, in whatever they are encoded or packed: as at the other way out."""
        told: list[dlp.Finding] = []
        stream = Stream(self._engine, document.place, tell=told.append)
        stream.feed(content)
        stream.finish()
        if any(finding.rule != _VALUE for finding in told):
            # What begins like a packing that cannot be opened ends a stream's look; here it is looked at as it stands.
            for start in range(0, len(content), _PIECE):
                self._engine.look(content[start : start + _PIECE + _OVERLAP], told.append, start)
        for finding in told:
            if finding.rule == _VALUE:
                _note(found, document, path, "withheld-value", content.count(b"\n", 0, finding.offset) + 1)

    def _search(self, batch: "_Batch", found: _Found) -> None:
        """Has gitleaks look at the batch, and empties it. Raises ProgramError."""
        if not batch.pieces:
            return
        options = ("--ignore-gitleaks-allow", "--no-banner", "--no-color", "--redact=0", "--log-level=error",
                   "--max-archive-depth=5", "--max-decode-depth=8", f"--exit-code={_LEAKS}",
                   "--report-format=json", "--report-path=-", "--gitleaks-ignore-path=/nonexistent")  # fmt: skip
        command = [self._gitleaks, "dir", f"--config={self._config}", *options, str(batch.folder)]
        env = environment({"GOMEMLIMIT": str(limits.SEARCH_MEMORY)})
        done = git.run(command, env, seconds=limits.SEARCH_SECONDS, memory=limits.SEARCH_SPACE)
        if done.status not in (0, _LEAKS):
            raise ProgramError(f"gitleaks failed with status {done.status}")
        for report in _reports(done.stdout):
            piece = batch.pieces[int(Path(str(report["File"]).partition("!")[0]).stem)]
            rule, line = str(report["RuleID"]), int(str(report["StartLine"])) - 1 + piece.line - 1
            if rule != _GENERIC or _is_meant(str(report["Secret"]), piece.path):
                _note(found, piece.document, piece.path, rule, max(line, 1))
        batch.clear()


@define
class _Batch:
    """Pieces in a folder, each in a file that is called by its number."""

    folder: Path
    pieces: list[_Piece] = field(factory=list)
    size: int = 0

    def add(self, document: Document, path: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for line, piece in _cut(content):
            self._write(_Piece(document, path, line), _MARK + piece, "")
        suffix = next((suffix for magic, suffix in FOREIGN.items() if content.startswith(magic)), None)
        if suffix is not None:
            self._write(_Piece(document, path, 1), content, suffix)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.pieces.clear()
        self.size = 0

    def _write(self, piece: _Piece, content: bytes, suffix: str) -> None:
        (self.folder / f"{len(self.pieces)}{suffix}").write_bytes(content)
        self.pieces.append(piece)
        self.size += len(content)


def _readings(document: Document, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The content, what is packed in it, and each of them without NUL where it has some (UTF-16, padding)."""
    yield from _spoken(document.path, document.content)
    for name, inner in views(document.content, budget):
        yield from _spoken(f"{document.path}!{name}", inner)


def _spoken(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield path, content
    if b"\0" in content:
        yield path, content.replace(b"\0", b"")


def _cut(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Overlapping pieces with the number of their first line."""
    line = 1
    for start in range(0, max(len(content), 1), _PIECE):
        yield line, content[start : start + _PIECE + _OVERLAP]
        line += content.count(b"\n", start, start + _PIECE)


def _note(found: _Found, document: Document, path: str, rule: str, line: int) -> None:
    key = (document.oid, path, rule, line)
    if key not in found:
        digest = hashlib.sha256("\0".join((document.oid, path, rule, str(line))).encode(errors="replace"))
        found[key] = Finding(rule, document.oid, document.place, line, path, fingerprint=digest.hexdigest()[:16])


def _is_meant(secret: str, path: str) -> bool:
    """Whether what stands beside a word such as `key` is one: drawn by chance, and no package's hash."""
    return path.rpartition("/")[2].lower() not in _LOCK_FILES and is_random(secret.encode())


def _reports(said: bytes) -> Sequence[dict[str, object]]:
    try:
        reports = json.loads(said or b"[]")
    except ValueError:
        raise ProgramError("gitleaks said something that is no report") from None
    return reports if isinstance(reports, list) else ()

"""Looks for secrets in what is pushed: the values that this bottle withholds, what the operator's rules and gitleaks'
know, behind encodings too, and what gitleaks itself finds."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from attrs import evolve

from bottle.domain.dlp import finding as dlp
from bottle.domain.dlp.engine import Engine, Report
from bottle.domain.dlp.matching import Matcher, NoPatterns
from bottle.domain.dlp.packing import UnreadableError
from bottle.domain.dlp.spellings import Registered
from bottle.domain.dlp.stream import Stream
from bottle.domain.git_refusals import Finding
from bottle.domain.secret_forms import SecretForms
from sidecars.gitgate.documents import Document, readings
from sidecars.gitgate.gitleaks import OVERLAP, PIECE, Gitleaks, Hit
from sidecars.gitgate.unpack import Budget
from sidecars.scanner.literals import Vectorscan
from sidecars.scanner.patterns.judgement import is_random
from sidecars.scanner.unpackers import ALL

VALUE = "withheld-value"
"""The rule by which a value is found that this bottle withholds."""

_THEIR_VALUE = "dlp.value"
_OURS = "dlp."
_NO_SECRET = ("dlp.unreadable", "dlp.depth")
_GENERIC = "generic-api-key"
# The one rule that goes by a word and entropy alone takes names, and hashes of packages, for keys. A value that this
# bottle withholds is found in lock files all the same, and so is every kind of key with a form.
_LOCK_FILES = frozenset({"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "cargo.lock", "go.sum", "poetry.lock",
                         "uv.lock", "pipfile.lock", "composer.lock", "gemfile.lock"})  # fmt: skip


class Scanner(Protocol):
    """Finds secrets."""

    def scan(self, documents: Iterable[Document]) -> Sequence[Finding]:
        """Everything that is found, without commits. Raises TooMuchError for what cannot be looked through whole,
        ProgramError when the search itself fails; either means that nothing may pass."""


_Found = dict[tuple[str, str, str, int], Finding]
"""By object, path, rule and line: overlapping pieces, and both searches, find the same."""


class GateScanner:
    """Both searches at once: ours here, gitleaks' in a process beside it."""

    def __init__(
        self,
        gitleaks: Gitleaks,
        withheld: Iterable[str],
        patterns: Matcher,
        *,
        key: bytes,
        approved: Iterable[str] = (),
    ) -> None:
        """`approved` are fingerprints under `key`, as the way out names them, of what is no secret."""
        self._gitleaks = gitleaks
        values = [value.encode() for value in withheld]
        self._forms = SecretForms(values)
        registered = [Registered("a credential", value) for value in values]
        self._engine = Engine.of(registered, patterns, key, Vectorscan(), ALL, approved)
        self._for_values = evolve(self._engine, patterns=NoPatterns())

    def scan(self, documents: Iterable[Document]) -> Sequence[Finding]:
        budget, found = Budget(), _Found()
        with self._gitleaks.searching() as searching:
            for document in documents:
                for path, content in readings(document, budget):
                    searching.add(document, path, content)
                    for rule, line in self._look(document, content):
                        _note(found, document, path, rule, line)
            for hit in searching.hits():
                if _is_meant(hit) and not self._is_approved(hit):
                    _note(found, hit.document, hit.path, hit.rule, hit.line)
        return tuple(found.values())

    def covered(self, text: str) -> str:
        """The text, fit to be shown: without what is withheld, and without what a terminal would obey."""
        masked = self._forms.masked(text.encode(errors="replace")).decode(errors="replace")
        return "".join(letter if letter.isprintable() else "?" for letter in masked)

    def _look(self, document: Document, content: bytes) -> Iterator[tuple[str, int]]:
        """The rules that find something, each with its line, in whatever it is encoded or packed: as at the other way
        out."""
        told: list[dlp.Finding] = []
        stream = Stream(self._engine, document.place, tell=told.append)
        stream.feed(content)
        stream.finish()
        if any(finding.rule in _NO_SECRET for finding in told):
            self._look_again(content, told.append)
        for finding in told:
            if finding.rule not in _NO_SECRET:
                rule = VALUE if finding.rule == _THEIR_VALUE else finding.rule.removeprefix(_OURS)
                yield rule, content.count(b"\n", 0, finding.offset) + 1

    def _is_approved(self, hit: Hit) -> bool:
        return dlp.fingerprint(self._engine.key, hit.secret.encode()) in self._engine.approved

    def _look_again(self, content: bytes, tell: Report) -> None:
        """What begins like a packing that cannot be opened, or is full of what patterns know, ends a stream's look;
        here it is looked at as it stands, and gitleaks sees all of it."""
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE + OVERLAP]
            try:
                self._engine.look(piece, tell, start)
            except UnreadableError:
                self._for_values.look(piece, tell, start)


def _note(found: _Found, document: Document, path: str, rule: str, line: int) -> None:
    """What is no object of git's is known by its content: a fingerprint that was allowed once allows nothing else."""
    origin = document.oid or hashlib.sha256(document.content).hexdigest()
    key = (origin, path, rule, line)
    if key not in found:
        digest = hashlib.sha256("\0".join((origin, path, rule, str(line))).encode(errors="replace"))
        found[key] = Finding(rule, document.oid, document.place, line, path, fingerprint=digest.hexdigest()[:16])


def _is_meant(hit: Hit) -> bool:
    """Whether what stands beside a word such as `key` is one: drawn by chance, and no package's hash."""
    if hit.rule != _GENERIC:
        return True
    return hit.path.rpartition("/")[2].lower() not in _LOCK_FILES and is_random(hit.secret.encode())

"""gitleaks over what is pushed: in pieces that are named and begun by the gate, a batch at a time.

By a name or a first byte gitleaks would pass over pictures, programs, documents and whole folders; and of nothing that
was pushed does it take rules, exceptions or remarks. It works on one batch while the gate gathers the next.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from sidecars.gitgate import git, limits
from sidecars.gitgate.documents import Document
from sidecars.gitgate.git import ProgramError, environment
from sidecars.gitgate.unpack import FOREIGN

PIECE = 80 * 1024
OVERLAP = 8 * 1024  # longer than any key in the usual armour
_TELLING = (".php", ".tf", ".hcl", ".yaml", ".yml", ".p12", ".pfx", "nuget.config")  # ends that gitleaks' rules ask for
_MARK = b"#\n"  # no kind of file begins so
_LEAKS = 3
_OPTIONS = ("--ignore-gitleaks-allow", "--no-banner", "--no-color", "--redact=0", "--log-level=error",
            "--max-archive-depth=5", "--max-decode-depth=8", f"--exit-code={_LEAKS}",
            "--report-format=json", "--report-path=-", "--gitleaks-ignore-path=/nonexistent")  # fmt: skip


@frozen
class Hit:
    """What gitleaks reports: by which rule, and where. `secret` is to be judged, never to be shown."""

    document: Document
    path: str
    rule: str
    line: int
    secret: str = field(repr=False)


@frozen
class _Piece:
    document: Document
    path: str
    line: int


class Gitleaks:
    """The program, with rules that are its own."""

    def __init__(self, program: str, folder: Path) -> None:
        """`folder` is for this alone, and exists."""
        self._program, self._folder = program, folder
        self._config = folder / "rules.toml"
        self._config.write_text("[extend]\nuseDefault = true\n", encoding="utf-8")

    @contextmanager
    def searching(self) -> Iterator["Searching"]:
        """A search of its own for one push; nothing of it is left behind."""
        searching = Searching(self)
        try:
            yield searching
        finally:
            searching.close()

    def batch(self, number: int) -> "Batch":
        return Batch(self._folder / f"batch-{number}")

    def look(self, batch: "Batch") -> Sequence[Hit]:
        """What is in a batch, which is gone afterwards. Raises ProgramError."""
        command = [self._program, "dir", f"--config={self._config}", *_OPTIONS, str(batch.folder)]
        env = environment({"GOMEMLIMIT": str(limits.SEARCH_MEMORY)})
        try:
            done = git.run(command, env, seconds=limits.SEARCH_SECONDS, memory=limits.SEARCH_SPACE)
        finally:
            batch.clear()
        if done.status not in (0, _LEAKS):
            raise ProgramError(f"gitleaks failed with status {done.status}")
        return [_hit(report, batch.pieces) for report in _reports(done.stdout)]


class Searching:
    """Takes content, and tells in the end what gitleaks found in it. At most two batches exist at a time."""

    def __init__(self, gitleaks: Gitleaks) -> None:
        self._gitleaks, self._count = gitleaks, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="gitleaks")
        self._under_way: tuple[Future[Sequence[Hit]], Batch] | None = None
        self._batch = gitleaks.batch(0)
        self._hits: list[Hit] = []

    def add(self, document: Document, path: str, content: bytes) -> None:
        """Raises ProgramError when the search of what came before failed."""
        self._batch.add(document, path, content)
        if self._batch.size >= limits.BATCH:
            self._send()

    def hits(self) -> Sequence[Hit]:
        """Everything, once all content was added. Raises ProgramError."""
        self._send()
        self._collect()
        return self._hits

    def close(self) -> None:
        """Waits for what is under way: a batch is not taken away from under it."""
        self._pool.shutdown()
        for batch in (self._batch, *([self._under_way[1]] if self._under_way else [])):
            batch.clear()

    def _send(self) -> None:
        self._collect()
        if self._batch.pieces:
            self._under_way = (self._pool.submit(self._gitleaks.look, self._batch), self._batch)
            self._count += 1
            self._batch = self._gitleaks.batch(self._count)

    def _collect(self) -> None:
        if self._under_way is not None:
            self._hits += self._under_way[0].result()
            self._under_way = None


@define
class Batch:
    """Pieces in a folder, each in a file that is called by its number."""

    folder: Path
    pieces: list[_Piece] = field(factory=list)
    size: int = 0

    def add(self, document: Document, path: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        end = next((f".{end.lstrip('.')}" for end in _TELLING if path.lower().endswith(end)), "")
        for line, piece in _cut(content):
            self._write(_Piece(document, path, line), _MARK + piece, end)
        suffix = next((suffix for magic, suffix in FOREIGN.items() if content.startswith(magic)), None)
        if suffix is not None:
            self._write(_Piece(document, path, 1), content, suffix)

    def clear(self) -> None:
        """Takes the files away; may be repeated."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, piece: _Piece, content: bytes, suffix: str) -> None:
        (self.folder / f"{len(self.pieces)}{suffix}").write_bytes(content)
        self.pieces.append(piece)
        self.size += len(content)


def _cut(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Overlapping pieces with the number of their first line."""
    line = 1
    for start in range(0, max(len(content), 1), PIECE):
        yield line, content[start : start + PIECE + OVERLAP]
        line += content.count(b"\n", start, start + PIECE)


def _hit(report: dict[str, object], pieces: Sequence[_Piece]) -> Hit:
    """Raises ProgramError for what is no report of these pieces."""
    try:
        piece = pieces[int(Path(str(report["File"]).partition("!")[0]).name.partition(".")[0])]
        line = int(str(report["StartLine"])) - 1 + piece.line - 1
        return Hit(piece.document, piece.path, str(report["RuleID"]), max(line, 1), str(report["Secret"]))
    except (KeyError, ValueError, IndexError):
        raise ProgramError("gitleaks said something that is no report") from None


def _reports(said: bytes) -> Sequence[dict[str, object]]:
    try:
        reports = json.loads(said or b"[]")
    except ValueError:
        raise ProgramError("gitleaks said something that is no report") from None
    return reports if isinstance(reports, list) else ()

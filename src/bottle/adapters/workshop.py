"""An agent's work as a patch or a branch: git on archives, in a repository of our own that is gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

from attrs import define, evolve, field, frozen

from bottle.adapters import careful_git, process, work_import
from bottle.adapters.git_results import FETCH, PROTOCOL
from bottle.adapters.state.scratch import scratch
from bottle.adapters.tar_reader import content
from bottle.adapters.work_import import Entry, Tree, commit_words, read_tree
from bottle.app.export_ports import Kept, Work
from bottle.domain.errors import BottleError, ConflictError, UsageError
from bottle.domain.exported import LINK, Change, Status, is_of_bare_repository, look_at
from bottle.domain.taken_out import KeptArchive

_SECONDS: Final = 900.0
_BASE, _WORK = "refs/heads/base", "refs/heads/work"
_DIFF: Final = ("diff", "--no-ext-diff", "--no-textconv", "--no-renames", _BASE, _WORK)
_IGNORING: Final = ".gitignore"
_LARGEST_RULES: Final = 1024 * 1024
_STATUS: Final[Mapping[str, Status]] = {"A": "added", "D": "deleted"}
_SHOWN: Final = 5


class GitWorkshop:
    """ports.Workshop. `environ` is read for PATH alone: nobody's settings count."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = careful_git.environment(environ, ("PATH",), PROTOCOL) | {
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    @contextmanager
    def comparing(self, kept: Kept, repository: Path) -> Iterator[Work]:
        with scratch(Path(kept.base.path).parent) as folder:
            with _held(kept) as held:
                work = _GitWork(held, repository, folder, self._env)
                work.prepare()
            yield work


@frozen
class _Source:
    """The repository that the work is for, where it is one: its objects, and whether it has the first commit."""

    objects: Path | None
    algorithm: str
    has_commit: bool


@define
class _GitWork:
    """ports.Work in a folder of its own."""

    kept: Kept
    repository: Path
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    left_out: list[str] = field(factory=list)
    _trees: dict[str, Mapping[str, Entry]] = field(factory=dict)

    def prepare(self) -> None:
        """Makes the repository with both commits."""
        source = self._source
        self._run("init", "--quiet", "--bare", "--template=", f"--object-format={source.algorithm}", str(self._own))
        self._git("symbolic-ref", "HEAD", "refs/heads/none")  # so that no tree's attributes count
        if source.objects is not None:
            (self._own / "objects" / "info" / "alternates").write_text(f"{source.objects}\n")
        base, work = (read_tree(kept, source.algorithm) for kept in (self.kept.base, self.kept.work))
        self._trees = {"base": self._without_modules(base), "work": self._wanted(base, work)}
        self._import(base, work)

    @property
    def changes(self) -> Sequence[Change]:
        records = self._git(*_DIFF, "--raw", "-z", "--abbrev=64").stdout.split(b"\0")
        return [
            self._change(about.decode(), os.fsdecode(path)) for about, path in zip(*[iter(records)] * 2, strict=False)
        ]

    @property
    def stat(self) -> str:
        return self._git(*_DIFF, "--stat=100", "--summary").stdout.decode(errors="replace").rstrip()

    def write_patch(self, path: Path) -> None:
        made = self.folder / "patch"
        self._git(*_DIFF, "--binary", "--full-index", "--text", f"--output={made}")
        try:
            with path.open("xb") as file:
                _copy(made, path, file)
        except FileExistsError:
            raise ConflictError(f"{path} is there already", hint="name another file") from None
        except OSError as error:
            raise BottleError(f"cannot write {path}: {(error.strerror or '').lower()}") from None

    def make_branch(self, name: str) -> None:
        if self._source.objects is None:
            raise UsageError(f"{self.repository} is no git repository", hint="`--patch FILE` needs none")
        if self.kept.metadata.commit and not self._source.has_commit:
            hint = "`--into` names the repository that it began in; `--patch FILE` needs none"
            raise ConflictError(f"{self.repository} does not have the commit that the work began from", hint=hint)
        refs = f"+{_WORK}:refs/heads/{name}"
        hooks = careful_git.without_hooks(self._there(*careful_git.LIST_HOOKS).stdout)
        done = self._there(*FETCH, str(self._own), refs, more=hooks)
        if done.status:
            raise _refused(done)

    @cached_property
    def _source(self) -> _Source:
        found = self._there("rev-parse", "--path-format=absolute", "--git-path", "objects")
        if found.status:
            return _Source(None, "sha1", has_commit=False)
        objects = Path(os.fsdecode(found.stdout.rstrip(b"\n")))
        form = self._there("rev-parse", "--show-object-format").stdout.decode().strip()
        commit = self.kept.metadata.commit
        has = bool(commit) and not self._there("cat-file", "-e", f"{commit}^{{commit}}").status
        return _Source(objects, form, has)

    @property
    def _own(self) -> Path:
        return self.folder / "work.git"

    def _without_modules(self, tree: Tree) -> Mapping[str, Entry]:
        modules = self._modules
        return {path: one for path, one in tree.entries.items() if not any(path.startswith(f"{m}/") for m in modules)}

    @cached_property
    def _modules(self) -> Mapping[str, str]:
        """The submodules of the commit that the work began from, with what each is at."""
        if not self._source.has_commit:
            return {}
        listed = self._git("ls-tree", "-r", "-z", self.kept.metadata.commit).stdout.split(b"\0")
        pairs = (line.partition(b"\t") for line in listed if line.startswith(b"160000 "))
        return {os.fsdecode(path): about.split()[2].decode() for about, _, path in pairs}

    def _wanted(self, base: Tree, work: Tree) -> Mapping[str, Entry]:
        """The work without what git ignores and the beginning did not have, and without what is no part of a commit."""
        entries = dict(self._without_modules(work))
        ignored = self._ignored(work, [path for path in entries if path not in base.entries])
        self._tell("git ignores it", sorted(ignored))
        own = {path.partition("/.git")[0] or path for path in work.left_out if not path.lower().startswith(".git/")}
        self._tell("a repository of its own, without its history", sorted(own - {".git"}))
        inside = [path for path in work.entries if path not in entries]
        changed = [path for path in inside if _id(work, path) != _id(base, path)]
        self._tell("in a submodule", sorted(changed))
        return {path: entry for path, entry in entries.items() if path not in ignored}

    def _tell(self, why: str, paths: Sequence[str]) -> None:
        if paths:
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            self.left_out.append(f"{why}: {', '.join(paths[:_SHOWN])}{more}")

    def _ignored(self, work: Tree, paths: Sequence[str]) -> set[str]:
        """Which of the paths the tree's own rules leave out. The rules alone are laid out, in a folder of ours."""
        rules = self.folder / "rules"
        rules.mkdir()
        with work.archive.open("rb") as archive:
            for path, entry in work.entries.items():
                if path.rpartition("/")[2] == _IGNORING and entry.mode != LINK and entry.member.size <= _LARGEST_RULES:
                    (rules / path).parent.mkdir(parents=True, exist_ok=True)
                    (rules / path).write_bytes(b"".join(content(archive, entry.member)))
        listed = b"".join(os.fsencode(path) + b"\0" for path in paths)
        arguments = ("--git-dir", str(self._own), "--work-tree", str(rules), "-c", "core.bare=false")
        done = self._try(*arguments, "-C", str(rules), "check-ignore", "--no-index", "-z", "--stdin", stdin=listed)
        if done.status > 1:
            raise _refused(done)
        return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}

    def _import(self, base: Tree, work: Tree) -> None:
        metadata = self.kept.metadata
        who = f"{metadata.agent_name} in {metadata.identity} <{metadata.identity}@bottle.invalid>"
        first = metadata.commit if self._source.has_commit else ""
        begun, ended = (int(datetime.fromisoformat(at).timestamp()) for at in (metadata.started_at, metadata.ended_at))
        self._commit(commit_words(_BASE, who, begun, f"As {metadata.identity} found it\n", first), base, "base")
        if first and self._tree_of(_BASE) == self._tree_of(first):
            self._git("update-ref", _BASE, first)  # nothing was changed that had not been committed
        self._commit(commit_words(_WORK, who, ended, f"What {metadata.identity} made of it\n", _BASE), work, "work")

    def _commit(self, words: bytes, tree: Tree, name: str) -> None:
        entries = list(self._trees[name].values())
        known = self._known({entry.id for entry in entries})
        with tempfile.TemporaryFile(dir=self.folder) as file:
            work_import.stream(words, tree.archive, entries, known, self._modules, file)
            file.seek(0)
            self._git("fast-import", "--quiet", "--done", stdin=file)

    def _tree_of(self, commit: str) -> bytes:
        return self._git("rev-parse", "--verify", f"{commit}^{{tree}}").stdout

    def _known(self, ids: set[str]) -> set[str]:
        """Those whose objects the repository has: they need not be sent."""
        if self._source.objects is None:
            return set()
        asked = "".join(f"{one}\n" for one in ids).encode()
        lines = self._git("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=asked).stdout.splitlines()
        return {line.removeprefix(b"blob ").decode() for line in lines if line.startswith(b"blob ")}

    def _change(self, about: str, path: str) -> Change:
        before, mode, _, _, letter = about.removeprefix(":").split()
        entry = self._trees["work"].get(path)
        gone = mode.strip("0") == ""
        looks = () if gone else look_at(path, mode, before, entry.member.target if entry else "")
        if not gone and is_of_bare_repository(path, self._trees["work"]):
            looks = (*looks, "git takes its folder for a repository")
        return Change(path, _STATUS.get(letter[0], "changed"), "" if gone else mode, looks)

    def _git(self, *arguments: str, stdin: bytes | BinaryIO = b"") -> process.Finished:
        return self._run("--git-dir", str(self._own), *arguments, stdin=stdin)

    def _there(self, *arguments: str, more: Mapping[str, str] | None = None) -> process.Finished:
        """In the operator's repository, which may be one that was taken from anywhere."""
        return self._try("-C", str(self.repository), *careful_git.SETTINGS, *arguments, more=more)

    def _run(self, *arguments: str, stdin: bytes | BinaryIO = b"") -> process.Finished:
        done = self._try(*arguments, stdin=stdin)
        if done.status:
            raise _refused(done)
        return done

    def _try(
        self, *arguments: str, stdin: bytes | BinaryIO = b"", more: Mapping[str, str] | None = None
    ) -> process.Finished:
        env = {**self.env, **(more or {})}
        try:
            return process.run(["git", *arguments], timeout=_SECONDS, stdin=stdin, env=env)
        except FileNotFoundError:
            raise BottleError("there is no git on the PATH", hint="install git") from None
        except TimeoutError as error:
            raise BottleError(str(error)) from None


@contextmanager
def _held(kept: Kept) -> Iterator[Kept]:
    """The archives as they are now, whatever becomes of their names meanwhile. Raises ConflictError, BottleError."""
    with ExitStack() as files:

        def held(archive: KeptArchive) -> KeptArchive:
            file = files.enter_context(Path(archive.path).open("rb"))
            return evolve(archive, path=f"/dev/fd/{file.fileno()}")

        try:
            found = evolve(kept, base=held(kept.base), work=held(kept.work))
        except FileNotFoundError:
            hint = "`bottle list --all` shows what is"
            raise ConflictError(f"{kept.metadata.identity}'s workspace is not kept any more", hint=hint) from None
        except OSError as error:
            raise BottleError(f"cannot read what was kept: {(error.strerror or '').lower()}") from None
        yield found


def _copy(source: Path, path: Path, file: BinaryIO) -> None:
    """All of it, or nothing at that path. Raises OSError."""
    try:
        with source.open("rb") as made:
            shutil.copyfileobj(made, file)
        file.flush()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _id(tree: Tree, path: str) -> str:
    return tree.entries[path].id if path in tree.entries else ""


def _refused(done: process.Finished) -> BottleError:
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    reason = "".join(letter for letter in (said or ["without a word"])[-1] if letter.isprintable())
    return BottleError(f"git did not take the work: {reason}", hint="nothing was changed")

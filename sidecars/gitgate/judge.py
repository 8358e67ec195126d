"""Decides on a push while its objects are still in quarantine: refs, then secrets, then the upstream itself."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from bottle.domain.git_refusals import Finding, Refusal, refused_refs, refused_secrets
from bottle.domain.gitgate import Change, RefUpdate, decide_change
from bottle.domain.gitgate_config import GateRemote
from sidecars.evidence.files import AuditError
from sidecars.gitgate.documents import Document
from sidecars.gitgate.forward import forward
from sidecars.gitgate.git import ProgramError, Repository
from sidecars.gitgate.mirror import Mirror
from sidecars.gitgate.objects import Pushed, TooMuchError, commit_of, contents, new_objects, tree_entries
from sidecars.gitgate.scanner import VALUE, GateScanner
from sidecars.gitgate.trail import Line, Trail

_PLACES = {"blob": "file", "commit": "commit message or author", "tag": "tag message or author"}
_NAMES = "file name"
_REF = "ref name"
_LINKS = "submodule commit"

Say = Callable[[str], None]
Keep = Callable[[Mirror, Repository, Sequence[RefUpdate]], None]


@frozen
class Push:
    """What a hook tells: to which mirror, the quarantine of the objects where there are any, and the updates."""

    mirror: Mirror
    quarantine: Path | None
    updates: tuple[RefUpdate, ...]


class Judge:
    """One for all mirrors. Searches one push at a time: what they may use together is bounded."""

    def __init__(
        self, scanner: GateScanner, trail: Trail, keep: Callable[[Mirror, Repository, Sequence[RefUpdate]], None]
    ) -> None:
        """`keep` puts the result of a push aside where the upstream is this host."""
        self._scanner, self._trail, self._keep = scanner, trail, keep
        self._turn = threading.Lock()

    def judge(self, push: Push, say: Say) -> bool:
        """Whether the push was taken, by the upstream too; `say` gets the lines for its sender."""
        began = time.monotonic()
        with self._turn:
            refusal = self._decide(push)
        if refusal is None:
            return True
        self._tell(push, refusal, (time.monotonic() - began) * 1000, say)
        return False

    def _decide(self, push: Push) -> Refusal | None:
        repository = push.mirror.repository
        if push.quarantine is not None:
            repository = repository.quarantined(push.quarantine)
        try:
            return (
                self._by_refs(push, repository)
                or self._by_content(push, repository)
                or self._by_upstream(push, repository)
            )
        except TooMuchError as error:
            return Refusal("push.size", str(error))
        except ProgramError as error:
            return Refusal("gate.failed", f"the push could not be looked at: {error}")
        except AuditError as error:
            return Refusal("audit", f"nothing may leave without a trail: {error}")

    def _by_refs(self, push: Push, repository: Repository) -> Refusal | None:
        standing = repository.refs()
        if any(standing.get(update.ref, "0" * len(update.old)) != update.old for update in push.updates):
            return Refusal("upstream.moved", "the upstream has moved meanwhile: fetch, and push again")
        rules = push.mirror.remote.remote.push
        judged = [(update, decide_change(rules, _change(repository, update))) for update in push.updates]
        refused = [(update, verdict) for update, verdict in judged if not verdict.allowed]
        return refused_refs(refused) if refused else None

    def _by_content(self, push: Push, repository: Repository) -> Refusal | None:
        objects = new_objects(repository, push.updates)
        found = self._scanner.scan(_documents(repository, objects, push.updates))
        left = [finding for finding in found if not _is_excused(finding, push.mirror.remote)]
        if not left:
            return None
        return refused_secrets([self._shown(finding, repository, push, left) for finding in left])

    def _shown(self, finding: Finding, repository: Repository, push: Push, found: Sequence[Finding]) -> Finding:
        """With its commit, and without a path where names themselves hold secrets."""
        is_named = any(other.place in (_NAMES, _REF) for other in found)
        path = "" if is_named else self._scanner.covered(finding.path)
        commit = ""
        if finding.place == _PLACES["commit"]:
            commit = finding.oid
        elif finding.place == _PLACES["blob"]:
            commit = commit_of(repository, push.updates, finding.oid)
        return evolve(finding, path=path, commit=commit)

    def _by_upstream(self, push: Push, repository: Repository) -> Refusal | None:
        refs = tuple(update.ref for update in push.updates)
        mirror = push.mirror
        line = Line("push", mirror.remote.host, mirror.remote.upstream.path, allowed=True, rule="allowed", refs=refs)
        self._trail.write(evolve(line, kind="opened"))
        began = time.monotonic()
        if mirror.is_local:
            self._keep(mirror, repository, push.updates)
            refusal = None
        else:
            refusal = forward(mirror, repository, push.updates)
        if refusal is None:
            self._trail.write(evolve(line, ms=(time.monotonic() - began) * 1000))
        return refusal

    def _tell(self, push: Push, refusal: Refusal, ms: float, say: Say) -> None:
        remote = push.mirror.remote
        reason = self._scanner.covered(refusal.reason)
        say(f"git gate: push refused: {reason} (rule {refusal.rule})")
        for line in refusal.lines:
            say(f"  {self._scanner.covered(line)}")
        try:
            self._trail.write(
                Line("push", remote.host, remote.upstream.path, allowed=False, rule=refusal.rule, reason=reason, ms=ms)
            )
        except AuditError:
            pass  # it is refused either way


def _is_excused(finding: Finding, remote: GateRemote) -> bool:
    """Whether the operator has said that it is no secret; of what this bottle withholds that is nobody's to say but
    for the very place."""
    if finding.fingerprint in remote.remote.push.allow:
        return True
    return finding.rule in remote.silent and finding.rule != VALUE


def _change(repository: Repository, update: RefUpdate) -> Change:
    """Raises ProgramError."""
    if update.deletes:
        return Change(update)
    kind = repository.tell("cat-file", "-t", update.new).decode().strip()
    if update.creates:
        return Change(update, kind=kind)
    done = repository.ask("merge-base", "--is-ancestor", update.old, update.new)
    # A tag that is moved is rewritten, wherever it points to.
    return Change(update, rewrites=done.status != 0 or not update.ref.startswith("refs/heads/"), kind=kind)


def _documents(repository: Repository, objects: Sequence[Pushed], updates: Sequence[RefUpdate]) -> Iterator[Document]:
    """All that would leave with the push, once each."""
    names: dict[str, None] = {}
    links = bytearray()
    for pushed, content in contents(repository, objects):
        if pushed.kind == "tree":
            for entry in tree_entries(content, len(pushed.oid) // 2):
                names[f"{pushed.path}/{entry.name.decode(errors='surrogateescape')}".lstrip("/")] = None
                links += entry.link
        else:
            yield Document(pushed.oid, _PLACES[pushed.kind], content, pushed.path)
    if names:
        yield Document("", _NAMES, "\n".join(names).encode(errors="surrogateescape"))
    if links:
        yield Document("", _LINKS, bytes(links))
    refs = "\n".join(update.ref for update in updates)
    yield Document("", _REF, refs.encode(errors="surrogateescape"))

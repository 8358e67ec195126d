"""Sends an accepted push to its upstream: all of its refs or none, and only from where the gate saw them."""

from collections.abc import Sequence

from bottle.domain.git_refusals import Refusal
from bottle.domain.gitgate import RefUpdate
from sidecars.gitgate import limits
from sidecars.gitgate.git import ProgramError, Repository, run
from sidecars.gitgate.mirror import Mirror, last_words
from sidecars.gitgate.upstream import UnreachableError

_OPTIONS = ("--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")


def forward(mirror: Mirror, repository: Repository, updates: Sequence[RefUpdate]) -> Refusal | None:
    """None once the upstream has taken the push. `repository` is the mirror with the push's objects."""
    try:
        access = mirror.way.open()
        atomic = ("--atomic",) if len(updates) > 1 else ()
        leases = [f"--force-with-lease={update.ref}:{'' if update.creates else update.old}" for update in updates]
        specs = [f"{'' if update.deletes else update.new}:{update.ref}" for update in updates]
        command = repository.command("push", *_OPTIONS, *atomic, *leases, access.url, *specs)
        done = run(command, {**repository.env, **access.env}, seconds=limits.FORWARD_SECONDS)
    except (UnreachableError, ProgramError) as error:
        return Refusal("upstream.unreachable", f"the upstream did not take it: {error}")
    if done.status == 0:
        return None
    return _refused(mirror.way.covered(done.stdout), mirror.way.covered(done.stderr))


def _refused(said: bytes, complaint: bytes) -> Refusal:
    """What the upstream, or git on the way to it, made of the push (git-push(1), `--porcelain`)."""
    lines = [line.split("\t") for line in said.decode(errors="replace").splitlines() if line.startswith("!\t")]
    reasons = [_plain(fields[2]) for fields in lines if len(fields) == 3]
    if any("stale info" in reason or "fetch first" in reason for reason in reasons):
        return Refusal("upstream.moved", "the upstream has moved meanwhile: fetch, and push again")
    remote = [_plain(line) for line in complaint.decode(errors="replace").splitlines() if line.startswith("remote:")]
    if reasons:
        return Refusal("upstream.refused", f"the upstream refused it: {reasons[0]}", tuple(remote[-10:]))
    return Refusal("upstream.unreachable", f"the upstream did not take it: {last_words(complaint) or 'no answer'}")


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:400]

"""What a push is refused for, in values and in the lines that its sender reads."""

from collections.abc import Sequence

from attrs import field, frozen

from bottle.domain.gitgate import RefUpdate, Verdict, is_plain_ref


@frozen
class Finding:
    """A secret in a push: where it stands, and the rule that knows it. Never what it is.

    `place` says which part of the object it is (`file`, `commit message or author`, `file name`, ...). The fingerprint
    is of the place, not of the value: it tells nothing to somebody who guesses.
    """

    rule: str
    oid: str
    place: str
    line: int = 0
    path: str = ""
    commit: str = ""
    fingerprint: str = ""


_SHOWN_FINDINGS = 20
_SHORT = 12


@frozen
class Refusal:
    """Why a push does not pass, in the lines that its sender reads."""

    rule: str
    reason: str
    lines: tuple[str, ...] = field(default=())


def refused_refs(refused: Sequence[tuple[RefUpdate, Verdict]]) -> Refusal:
    """The refusal of a push by its refs."""
    lines = [f"{_shown_ref(update)}: {verdict.reason} (rule {verdict.rule})" for update, verdict in refused]
    return Refusal(refused[0][1].rule, refused[0][1].reason, tuple(lines))


def refused_secrets(findings: Sequence[Finding]) -> Refusal:
    """The refusal of a push by what is in it."""
    lines = [_finding_line(finding) for finding in findings[:_SHOWN_FINDINGS]]
    if len(findings) > _SHOWN_FINDINGS:
        lines.append(f"and {len(findings) - _SHOWN_FINDINGS} more")
    count = "a secret is" if len(findings) == 1 else f"{len(findings)} secrets are"
    return Refusal(
        rule=f"secret.{findings[0].rule}",
        reason=f"{count} in what was pushed",
        lines=(
            *lines,
            "nothing has left: take it out of every commit that has it, and push again;",
            "where it is no secret, the operator can list the fingerprint under `push.allow` of the remote",
        ),
    )


def _finding_line(finding: Finding) -> str:
    whose = f"commit {finding.commit[:_SHORT]}: " if finding.commit else ""
    where = f" {finding.path}" if finding.path else ""
    line = f":{finding.line}" if finding.path and finding.line else ""
    return f"{whose}{finding.place}{where}{line}: rule {finding.rule}, fingerprint {finding.fingerprint}"


def _shown_ref(update: RefUpdate) -> str:
    return update.ref if is_plain_ref(update.ref) else "a ref"

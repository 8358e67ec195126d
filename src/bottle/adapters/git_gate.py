"""What every backend tells the git gate."""

from attrs import evolve

from bottle.app.ports import Cargo
from bottle.domain.gitgate_config import GateRemote, GateStart
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan

NAME = "git-gate"


def start(
    plan: BottlePlan,
    cargo: Cargo,
    listen: Listen,
    *,
    state: str,
    audit: str,
    gitleaks: str,
    patterns: str,
    tied: bool,
) -> GateStart:
    """The whole configuration, keys included, and with what no push may hold: the credentials of the way out, and
    what the box was given."""
    return GateStart(
        identity=plan.identity,
        listen=listen,
        state=state,
        audit=audit,
        gitleaks=gitleaks,
        remotes=tuple(
            GateRemote(host, remote, cargo.git_secrets.get(host, ""), _silent(plan, host))
            for host, remote in plan.remotes.items()
        ),
        patterns=patterns,
        scanning=evolve(plan.policy.scanning, silences=()),
        withheld=tuple(dict.fromkeys(value for value in (*cargo.secrets.values(), *cargo.given.values()) if value)),
        roots=cargo.upstream_roots,
        proxy=cargo.upstream_proxy,
        tied=tied,
    )


def _silent(plan: BottlePlan, host: str) -> tuple[str, ...]:
    """The rules that find nothing in what goes to a host, whatever its path there."""
    silences = plan.policy.scanning.silences
    return tuple(
        silence.rule
        for silence in silences
        if not silence.path and (silence.host is None or silence.host.matches(host))
    )

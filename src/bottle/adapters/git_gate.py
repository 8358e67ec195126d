"""What every backend tells the git gate."""

from bottle.app.ports import Cargo
from bottle.domain.gitgate_config import GateRemote, GateStart
from bottle.domain.plan import BottlePlan
from bottle.domain.sidecar_config import Listen

NAME = "git-gate"


def start(
    plan: BottlePlan, cargo: Cargo, listen: Listen, *, state: str, audit: str, gitleaks: str, tied: bool
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
            GateRemote(host, remote, cargo.git_secrets.get(host, "")) for host, remote in plan.remotes.items()
        ),
        withheld=tuple(dict.fromkeys(value for value in (*cargo.secrets.values(), *cargo.given.values()) if value)),
        roots=cargo.upstream_roots,
        tied=tied,
    )

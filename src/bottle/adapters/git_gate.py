"""What every backend tells the git gate."""

from bottle.app.ports import Cargo
from bottle.domain.environment import Prompted
from bottle.domain.gitgate_config import GateRemote, GateStart
from bottle.domain.plan import BottlePlan
from bottle.domain.sidecar_config import Listen

NAME = "git-gate"


def start(
    plan: BottlePlan, cargo: Cargo, listen: Listen, *, state: str, audit: str, gitleaks: str, tied: bool
) -> GateStart:
    """The gate's whole configuration, keys included."""
    return GateStart(
        identity=plan.identity,
        listen=listen,
        state=state,
        audit=audit,
        gitleaks=gitleaks,
        remotes=tuple(
            GateRemote(host, remote, cargo.git_secrets.get(host, "")) for host, remote in plan.remotes.items()
        ),
        withheld=_withheld(plan, cargo),
        roots=cargo.upstream_roots,
        tied=tied,
    )


def _withheld(plan: BottlePlan, cargo: Cargo) -> tuple[str, ...]:
    """What no push may hold: the credentials of the way out, and what the operator typed for the box."""
    typed = [cargo.env[item.name] for item in plan.env if isinstance(item.entry, Prompted)]
    return tuple(dict.fromkeys(value for value in (*cargo.secrets.values(), *typed) if value))

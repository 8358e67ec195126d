"""The egress sidecar as a process of the host's: its sandbox, and the document that configures it."""

from collections.abc import Sequence
from pathlib import Path

from bottle.adapters.bubblewrap import interpreter, sandbox
from bottle.adapters.bubblewrap.beside import Beside
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.keeper import WAY_OUT
from bottle.adapters.bubblewrap.seccomp import sidecar_filter
from bottle.adapters.bubblewrap.secret_rules import PATTERNS
from bottle.adapters.sidecar import leaves
from bottle.app.ports import Cargo
from bottle.domain.egress_config import EgressStart, start_document
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import CA_BUNDLE

AUDIT = "/audit"
_NUMBER = 65532

# How the host finds names. A resolver behind a socket (systemd's, nscd's) is left out: its DNS side answers too.
_RESOLVING = ("resolv.conf", "hosts", "host.conf", "gai.conf", "nsswitch.conf", "services")


def program(
    plan: BottlePlan,
    cargo: Cargo,
    audit: Path,
    roots: bytes,
    rules: Sequence[tuple[str, str]],
    door: int,
    ground: Ground,
    held: Descriptors,
) -> dict[str, object]:
    """What the keeper is told of the sidecar. `roots`: the host's authorities (PEM); `rules`: what to bind of the
    secret rules; `door`: the descriptor over which the box's init hands the socket to listen on."""
    beside = Beside(
        name=WAY_OUT,
        number=_NUMBER,
        parts=(WAY_OUT, "evidence", "host", "scanner"),
        packages=interpreter.SIDECAR_PACKAGES,
        calls=sidecar_filter(ground.machine),
        sees=[*sandbox.binds(rules), *resolving(), "--bind", str(audit), AUDIT],
        given={CA_BUNDLE: roots},
        variables={"SSL_CERT_FILE": CA_BUNDLE},
    )
    return beside.told(start_document(_start(plan, cargo, door)), door, ground, held)


def _start(plan: BottlePlan, cargo: Cargo, door: int) -> EgressStart:
    return EgressStart(
        identity=plan.identity,
        listen=Listen(handed=door),
        audit=AUDIT,
        policy=plan.policy,
        secrets=cargo.secrets,
        given=cargo.given,
        leaves=leaves(cargo.certificates.leaves),
        roots=cargo.upstream_roots,
        tied=True,
        proxy=cargo.upstream_proxy,
        patterns=PATTERNS,
    )


def resolving() -> list[str]:
    """The files by which the host finds names, read-only."""
    paths = (Path("/etc") / name for name in _RESOLVING)
    return sandbox.binds((str(path.resolve()), str(path)) for path in paths if path.exists())

"""The git gate as a process of the host's: its sandbox, and what it needs of this host."""

import os
from collections.abc import Sequence
from pathlib import Path

from bottle.adapters import git_gate, gitleaks
from bottle.adapters.bubblewrap import interpreter, sandbox, way_out
from bottle.adapters.bubblewrap.beside import MEBIBYTE, Beside
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.needs import GUEST_PATH
from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.bubblewrap.secret_rules import PATTERNS
from bottle.app.ports import Cargo
from bottle.domain.errors import BackendError, BottleError
from bottle.domain.gitgate_config import gate_document
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import CA_BUNDLE

NAME = git_gate.NAME
_NUMBER = 65533
_STATE = "/gate"
_GITLEAKS = "/run/bottle/gitleaks"
_SPACE = 4096 * MEBIBYTE
_NEEDED = {"git": "git", "ssh": "openssh-client"}
_PASSWD = f"gate:x:{_NUMBER}:{_NUMBER}::/nonexistent:/usr/sbin/nologin\n"  # ssh asks who it is


def fault(folders: tuple[str, ...] = GUEST_PATH) -> BackendError | None:
    """What keeps the gate from being served on this host, with the remedy: the first thing that is missing."""
    for program, package in _NEEDED.items():
        if not any(os.access(Path(folder) / program, os.X_OK) for folder in folders):
            return _fault(f"{program} is not below /usr on this host", f"install the system's package `{package}`")
    try:
        gitleaks.program()
    except BottleError as error:
        return _fault(str(error), error.hint)
    return None


def _fault(reason: str, hint: str | None) -> BackendError:
    return BackendError(f"git remotes cannot be served: {reason}", hint=hint)


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
    """What the keeper is told of the gate; the arguments are those of `way_out.program`.

    Its repositories, and the keys, are in memory: nothing of them outlives it. It starts programs, unlike the way out,
    so its system calls are those that a box may make.
    """
    beside = Beside(
        name=NAME,
        number=_NUMBER,
        parts=("gitgate", "evidence", "host", "scanner"),
        packages=interpreter.SIDECAR_PACKAGES,
        calls=box_filter(ground.machine),
        sees=[
            *sandbox.binds([(str(gitleaks.program()), _GITLEAKS), *rules]),
            *way_out.resolving(),
            *sandbox.scratch(_STATE, _SPACE, 0o700),
            *("--bind", str(audit), way_out.AUDIT),
        ],
        given={
            CA_BUNDLE: roots,
            "/etc/passwd": _PASSWD.encode(),
            "/etc/group": f"gate:x:{_NUMBER}:\n".encode(),
        },
        scratch=256 * MEBIBYTE,
    )
    start = git_gate.start(
        plan,
        cargo,
        Listen(handed=door),
        state=_STATE,
        audit=way_out.AUDIT,
        gitleaks=_GITLEAKS,
        patterns=PATTERNS,
        tied=True,
    )
    return beside.told(gate_document(start), door, ground, held)

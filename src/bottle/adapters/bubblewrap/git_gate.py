"""The git gate as a process of the host's: its sandbox, and what it needs of this host."""

import os
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from bottle.adapters import git_gate, gitleaks
from bottle.adapters.bubblewrap import interpreter, sandbox, way_out
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.needs import GUEST_PATH
from bottle.adapters.bubblewrap.seccomp import box_filter
from bottle.adapters.bubblewrap.secret_rules import PATTERNS
from bottle.app.ports import Cargo
from bottle.domain.errors import BottleError
from bottle.domain.gitgate_config import gate_document
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import CA_BUNDLE

NAME = git_gate.NAME
_NUMBER = 65533
_STATE = "/gate"
_GITLEAKS = "/run/bottle/gitleaks"
_MEBIBYTE = 1024**2
_SPACE = 4096 * _MEBIBYTE
_NEEDED = {"git": "git", "ssh": "openssh-client"}
_PASSWD = f"gate:x:{_NUMBER}:{_NUMBER}::/nonexistent:/usr/sbin/nologin\n"  # ssh asks who it is


@frozen
class Lack:
    """What keeps the gate from being served on this host, and the remedy; no reason where nothing does."""

    reason: str = ""
    hint: str | None = None


def lack(folders: tuple[str, ...] = GUEST_PATH) -> Lack:
    """The first thing that is missing."""
    for program, package in _NEEDED.items():
        if not any(os.access(Path(folder) / program, os.X_OK) for folder in folders):
            return Lack(f"{program} is not below /usr on this host", f"install the system's package `{package}`")
    try:
        gitleaks.program()
    except BottleError as error:
        return Lack(str(error), error.hint)
    return Lack()


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
    info = held.placeholder()
    given = {
        CA_BUNDLE: held.content("roots", roots),
        "/etc/passwd": held.content("passwd", _PASSWD.encode()),
        "/etc/group": held.content("group", f"gate:x:{_NUMBER}:\n".encode()),
    }
    seccomp = held.content("seccomp", box_filter(ground.machine))
    arguments = [
        *sandbox.ALONE,
        *("--uid", str(_NUMBER), "--gid", str(_NUMBER), "--hostname", NAME),
        *("--info-fd", str(info), "--seccomp", str(seccomp)),
        *sandbox.system(),
        *sandbox.binds(
            interpreter.binds("gitgate", "evidence", "host", "scanner", packages=interpreter.SIDECAR_PACKAGES)
        ),
        *sandbox.binds([(str(gitleaks.program()), _GITLEAKS)]),
        *sandbox.covered(interpreter.hidden()),
        *sandbox.binds(rules),
        *way_out.resolving(),
        *sandbox.processes(),
        *("--dev", "/dev"),
        *sandbox.scratch("/tmp", 256 * _MEBIBYTE, 0o700),  # noqa: S108 - inside the sandbox
        *sandbox.scratch(_STATE, _SPACE, 0o700),
        *("--bind", str(audit), way_out.AUDIT),
        *sandbox.contents(given),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"),
        *sandbox.variables({**interpreter.environment(), "LANG": "C.UTF-8"}),
    ]
    listed = held.content("arguments", sandbox.packed(arguments))
    listen = Listen(handed=door)
    start = git_gate.start(
        plan, cargo, listen, state=_STATE, audit=way_out.AUDIT, gitleaks=_GITLEAKS, patterns=PATTERNS, tied=True
    )
    return {
        "name": NAME,
        "argv": [ground.bwrap, "--args", str(listed), "--", *interpreter.command("sidecars.gitgate.main")],
        "descriptors": [info, seccomp, listed, door, *given.values()],
        "info": info,
        "environment": {},
        "document": gate_document(start),
    }

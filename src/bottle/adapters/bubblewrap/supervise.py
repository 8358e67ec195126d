"""The server that a stuck agent asks, as a process of the host's: a sandbox without any network."""

from bottle.adapters import supervise
from bottle.adapters.bubblewrap import interpreter, sandbox
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.seccomp import sidecar_filter
from bottle.app.ports import Rooms
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan

NAME = supervise.NAME
_NUMBER = 65531
_PACKAGES = ("attr", "attrs", "h11")
_MEBIBYTE = 1024**2


def program(plan: BottlePlan, rooms: Rooms, door: int, ground: Ground, held: Descriptors) -> dict[str, object]:
    """What the keeper is told of it. `door` is the descriptor over which the box's init hands the socket to listen on:
    that was made in the box's network stack, so the server needs none of its own."""
    info = held.placeholder()
    seccomp = held.content("seccomp", sidecar_filter(ground.machine))
    arguments = [
        *sandbox.ALONE,
        *sandbox.NO_NETWORK,
        *("--uid", str(_NUMBER), "--gid", str(_NUMBER), "--hostname", NAME),
        *("--info-fd", str(info), "--seccomp", str(seccomp)),
        *sandbox.system(),
        *sandbox.binds(interpreter.binds(NAME, "host", packages=_PACKAGES)),
        *sandbox.covered(interpreter.hidden()),
        *sandbox.processes(),
        *("--dev", "/dev"),
        *sandbox.scratch("/tmp", 16 * _MEBIBYTE, 0o700),  # noqa: S108 - inside the sandbox
        *("--bind", str(rooms.asked), supervise.ASKED),
        *sandbox.binds([(str(rooms.told), supervise.TOLD)]),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"),
        *sandbox.variables({**interpreter.environment(), "LANG": "C.UTF-8"}),
    ]
    listed = held.content("arguments", sandbox.packed(arguments))
    return {
        "name": NAME,
        "argv": [ground.bwrap, "--args", str(listed), "--", *interpreter.command("sidecars.supervise.main")],
        "descriptors": [info, seccomp, listed, door],
        "info": info,
        "environment": {},
        "document": supervise.document(plan, Listen(handed=door), tied=True),
    }

"""The server that a stuck agent asks, as a process of the host's: a sandbox without any network."""

from bottle.adapters import supervise
from bottle.adapters.bubblewrap import sandbox
from bottle.adapters.bubblewrap.beside import Beside
from bottle.adapters.bubblewrap.descriptors import Descriptors
from bottle.adapters.bubblewrap.ground import Ground
from bottle.adapters.bubblewrap.seccomp import sidecar_filter
from bottle.app.ports import Rooms
from bottle.domain.listen import Listen
from bottle.domain.plan import BottlePlan

NAME = supervise.NAME
_NUMBER = 65531
_PACKAGES = ("attr", "attrs", "h11")


def program(plan: BottlePlan, rooms: Rooms, door: int, ground: Ground, held: Descriptors) -> dict[str, object]:
    """What the keeper is told of it. `door` is the descriptor over which the box's init hands the socket to listen on:
    that was made in the box's network stack, so the server needs none of its own."""
    beside = Beside(
        name=NAME,
        number=_NUMBER,
        parts=(NAME, "host"),
        packages=_PACKAGES,
        calls=sidecar_filter(ground.machine),
        sees=["--bind", str(rooms.asked), supervise.ASKED, *sandbox.binds([(str(rooms.told), supervise.TOLD)])],
        has_network=False,
    )
    return beside.told(supervise.document(plan, Listen(handed=door), tied=True), door, ground, held)

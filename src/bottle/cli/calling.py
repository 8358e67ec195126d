"""Beside an attached agent: its operator is called when it asks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bottle.app.ports import World
from bottle.app.proposals import new_proposals
from bottle.cli.asked import call
from bottle.domain.errors import BottleError
from bottle.domain.plan import BottlePlan

_LOOK_SECONDS = 1.0


@contextmanager
def calling(world: World, plan: BottlePlan) -> Iterator[None]:
    """Inside, proposals of this bottle ring the terminal's bell and are notified of.

    Nothing else is printed: the screen is the agent's.
    """
    if not plan.supervise:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(world, plan.identity, over), name="calling", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _watch(world: World, identity: str, over: threading.Event) -> None:
    seen: set[str] = set()
    while not over.wait(_LOOK_SECONDS):
        try:
            for asked, _complaints in new_proposals(world, seen, identity):
                call(asked)
        except BottleError:
            continue  # it is not claimed yet, or gone already

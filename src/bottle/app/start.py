"""A bottle's start and end. What a start makes, its end removes; an end may be repeated and is never interrupted."""

from collections.abc import Callable

from attrs import frozen

from bottle.app.ports import Bottle, World
from bottle.app.prepare import Prepared
from bottle.app.session import Session, Task, surely

SIGINT = 2
"""The number of an interruption that carries none."""


@frozen
class Ending:
    """How an agent's task ended: with its status, else because time was up or by a signal, whose number it is."""

    status: int | None
    interrupted: int | None = None


def run_attached(world: World, prepared: Prepared, tell: Callable[[], None] = lambda: None) -> int:
    """Starts, hands the terminal to the agent, tears down; returns the agent's exit status.

    Raises BottleError when the start fails, KeyboardInterrupt when it is interrupted; either way nothing but the
    evidence of a bottle that ran is left. Where one ran, `tell` is called at the end, whatever the end was.
    """
    session = Session(world, prepared)
    try:
        with session.holding:
            return surely(session.attached, session.end)
    finally:
        if session.bottle is not None:
            tell()


def run_detached(world: World, prepared: Prepared) -> Bottle:
    """Starts and leaves the bottle running. Raises as `run_attached` does, and then nothing is left."""
    session = Session(world, prepared)
    with session.holding:
        return surely(session.detached, session.end_unless_detached)


def run_headless(world: World, prepared: Prepared, task: Task) -> Ending:
    """Starts, gives the agent its task, tears down. Raises as `run_attached` does; but an interruption of a bottle that
    ran is an ending like others: what came of the task until then is worth telling."""
    session = Session(world, prepared)
    try:
        with session.holding:
            return Ending(surely(lambda: session.headless(task), session.end))
    except KeyboardInterrupt as interruption:
        if session.bottle is None:
            raise
        return Ending(None, next(iter(interruption.args), SIGINT))


def renew_untended(world: World, prepared: Prepared, bottle: Bottle) -> None:
    """Has a bottle that runs by itself go on in a box anew. Raises BottleError where none can be started any more."""
    session = Session(world, prepared, claimed=True, bottle=bottle)
    with session.holding:
        session.holding.enter_context(world.state.hold(bottle.identity))
        surely(session.left_renewed, session.end_unless_detached)

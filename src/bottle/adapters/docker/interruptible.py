"""Doing a piece of work that an interruption may end early, so that afterwards nothing of it is still under way."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_or_undo(work: Callable[[], T], stop: Callable[[], None], undo: Callable[[], None]) -> T:
    """The work's result. Whatever ends it early, an interruption or its own failure, `undo` runs after it.

    The work is done by another thread, which no signal interrupts: when `undo` runs, no call of it is still in flight
    that could make something new. `stop` asks it to end at the next step.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="launch") as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except BaseException as error:
            stop()
            _outlast(future)
            _undo(undo, error)
            raise


def _outlast(future: "Future[T]") -> None:
    """Waits for the end, whatever further interruptions come."""
    while True:
        try:
            future.exception()
        except KeyboardInterrupt:
            continue
        return


def _undo(undo: Callable[[], None], error: BaseException) -> None:
    """A failure to undo is told with the error that made it necessary; a further interruption does not end it early."""
    with ThreadPoolExecutor(1, thread_name_prefix="undo") as pool:
        future = pool.submit(undo)
        _outlast(future)
    failure = future.exception()
    if failure is not None:
        error.add_note(f"and {failure}")

"""Work that may wait for an engine, beside the screen."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def beside(work: Callable[[], Result], *, name: str) -> Result:
    """The result of the work, which runs in a thread of its own; raises what it raises.

    Nobody waits for the thread when the program ends: an engine that hangs does not keep the dashboard open.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the work is waited for
            _tell(loop, future.set_exception, _raisable(error), future)
        else:
            _tell(loop, future.set_result, result, future)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def _tell(
    loop: asyncio.AbstractEventLoop, tell: Callable[..., None], value: object, future: "asyncio.Future[Result]"
) -> None:
    def unless_given_up() -> None:
        if not future.done():
            tell(value)

    try:
        loop.call_soon_threadsafe(unless_given_up)
    except RuntimeError:
        return  # the loop is over, and nobody waits


def _raisable(error: BaseException) -> BaseException:
    """A future takes no StopIteration, and an interruption would end the loop instead of the work."""
    return (
        error
        if isinstance(error, Exception) and not isinstance(error, StopIteration)
        else InterruptedWorkError(str(error))
    )


class InterruptedWorkError(Exception):
    """The work was interrupted."""

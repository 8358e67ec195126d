"""Running a command inside a box to its end, without a terminal."""

import time
from collections.abc import Sequence

from bottle.adapters.docker import guest_env
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.failures import GoneError
from bottle.adapters.docker.streams import STDERR, STDOUT, spoken
from bottle.app.ports import ExecResult, Heard
from bottle.domain.errors import BackendError, TimeIsUpError

AGENT = "node"
_STATUS_SECONDS = 5.0
_GOING_SECONDS = 2.0
_PERHAPS_THE_BOX = (128, 128 + 9)
"""What a runtime says of a command whose box ended: gVisor that it cannot wait for it any more (runsc's Fatalf), and
either of them that it was killed. A command may end with them by itself as well."""


def run(
    engine: Engine,
    box: str,
    argv: Sequence[str],
    user: str,
    stdin: bytes,
    timeout: float,
    heard: Heard | None = None,
) -> ExecResult:
    """The command's status and outputs, these in pieces to `heard` where that is given.

    Raises BackendError when the box is gone, TimeIsUpError.
    """
    deadline = time.monotonic() + timeout
    # The values are readable by the agent's user alone; whoever else runs something there has no need of them.
    command = guest_env.with_env(argv) if user == AGENT else list(argv)
    exec_id = engine.create_exec(box, command, user=user)
    channel = engine.start_exec(exec_id)
    outputs = {STDOUT: bytearray(), STDERR: bytearray()}
    try:
        # A box that dies does not always end the stream (seen with gVisor), so it is asked for.
        for stream, content in spoken(channel, stdin, deadline, lambda: engine.running(box)):
            if heard is not None:
                heard(stream, content)
            else:
                outputs[stream] += content
    except TimeoutError:
        raise TimeIsUpError(f"`{argv[0]}` did not end within {timeout:g} seconds") from None
    finally:
        channel.close()
    return ExecResult(final_status(engine, box, exec_id), bytes(outputs[STDOUT]), bytes(outputs[STDERR]))


def final_status(engine: Engine, box: str, exec_id: str) -> int:
    """The status of a command whose streams have ended. Raises BackendError when it ended because the box did."""
    deadline = time.monotonic() + _STATUS_SECONDS
    try:
        status = engine.exec_status(exec_id)
        while status is None and time.monotonic() < deadline:
            time.sleep(0.01)
            status = engine.exec_status(exec_id)
    except GoneError:
        status = None
    if status is None or (status in _PERHAPS_THE_BOX and _ends(engine, box)):
        raise BackendError("the box went away", hint="`bottle list` says what still runs")
    return status


def _ends(engine: Engine, box: str) -> bool:
    """Whether the box is gone, or goes in the next moment: the engine tells of its processes' end before its own."""
    deadline = time.monotonic() + _GOING_SECONDS
    while engine.running(box):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True

"""Passing a signal on to a command in a box.

The engine's API knows no signals for commands, and a client that goes leaves its command running. So each command that
a person attached to carries a mark in its environment, and what bears the mark is sent the signal from inside.
"""

import signal
import time

from bottle.adapters.docker.commands import AGENT
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.streams import converse
from bottle.domain.errors import BottleError

MARK = "BOT_BOTTLE_COMMAND"
_SECONDS = 5.0
_KILL = """
for process in /proc/[0-9]*; do
  tr '\\0' '\\n' < "$process/environ" 2>/dev/null | grep -qx "$2" && kill -"$1" "${process#/proc/}"
done
"""


def hang_up(engine: Engine, box: str, mark: str, interruption: KeyboardInterrupt) -> None:
    """Sends the signal that the interruption carries to the marked command and all that it started.

    What cannot be reached is left: the box is gone, or its owner is about to remove it.
    """
    number = next(iter(interruption.args), signal.SIGINT)
    command = ["sh", "-c", _KILL, "sh", str(int(number)), f"{MARK}={mark}"]
    try:
        channel = engine.start_exec(engine.create_exec(box, command, user=AGENT))
        try:
            converse(channel, b"", time.monotonic() + _SECONDS)
        finally:
            channel.close()
    except (BottleError, TimeoutError):
        pass

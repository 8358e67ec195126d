"""Where the program begins, before it imports anything."""

import atexit
import gc

_OBJECTS = 100_000
"""How many more there are, at the least, each time that Python looks for cycles of them; some 10 MB."""


def main() -> None:
    """Runs the command line; never returns.

    Most objects of a command are those of its modules, which are there until its end. Python would look through them
    again and again while they become more, and twice at the end: a fifth of a command's work. So it looks less often,
    and at nothing that goes with the process.
    """
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)
    from bottle.cli.main import main as run

    run()

"""Where the program begins, before it imports anything."""

import atexit
import gc
import os
import sys

_OBJECTS = 100_000
"""How many more there are, at the least, each time that Python looks for cycles of them; some 10 MB."""


def main() -> None:
    """Runs the command line; never returns.

    Most objects of a command are those of its modules, which are there until its end. Python would look through them
    again and again while they become more, and twice at the end: a fifth of a command's work. So it looks less often,
    and at nothing that goes with the process.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _have_streams()
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)
    from bottle.cli.main import main as run

    run()


def _have_streams() -> None:
    """Those that whoever started this has closed lead nowhere from now on. Else the next file that is opened would be
    one of them, and hear what a program says."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False, encoding="utf-8")

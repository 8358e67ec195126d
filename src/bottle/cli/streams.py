"""The process's standard streams, where something must be done to them."""

import os
import sys


def shows_color() -> bool:
    """Whether what is written to standard output may be coloured: a terminal that nobody asked to stay plain."""
    from bottle.cli.environment import read_environment

    return sys.stdout.isatty() and read_environment().color


def silence_stdout() -> None:
    """Points standard output at nothing, so that the interpreter's own flush at exit finds a writable file."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

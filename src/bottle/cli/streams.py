"""The process's standard streams, where something must be done to them."""

import os
import sys


def shows_color() -> bool:
    """Whether what is written to standard output may be coloured: a terminal that nobody asked to stay plain."""
    from bottle.cli.environment import read_environment

    return sys.stdout.isatty() and read_environment().color


def terminal_width() -> int | None:
    """Columns of the terminal that results go to; None where they go elsewhere, so that programs get whole lines."""
    if not sys.stdout.isatty():
        return None
    return os.get_terminal_size(sys.stdout.fileno()).columns or None


def silence_stdout() -> None:
    """Points standard output at nothing, so that the interpreter's own flush at exit finds a writable file."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

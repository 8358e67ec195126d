"""The process's standard streams, where something must be done to them."""

import errno
import os
import sys
from io import TextIOWrapper
from typing import TextIO


def shows_color() -> bool:
    """Whether what is written to standard output may be coloured: a terminal that nobody asked to stay plain."""
    from bottle.cli.environment import read_environment

    return sys.stdout.isatty() and read_environment().color


def obeys() -> bool:
    """Whether talk goes to a terminal that moves its cursor and changes its title when told to."""
    from bottle.cli.environment import read_environment

    return sys.stderr.isatty() and not read_environment().dumb


def never_fail_for_a_letter() -> None:
    """What the locale's encoding has no letter for is shown as an escape: a label in another script is no reason to
    fail."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal that results (or the stream) go to; None where they go elsewhere, so that programs get
    whole lines."""
    stream = stream or sys.stdout
    return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None


def tell(text: str, *, flush: bool = False) -> None:
    """Writes to standard output. Raises OSError, BrokenPipeError where the reader left; but a terminal that was closed
    has nobody who could be told anything, and what the command does goes on to its end."""
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        silence(sys.stdout)


def say(text: str) -> None:
    """Writes to standard error, as long as anybody reads it: a clean-up must not stop for want of a listener."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Points it at nothing, so that the interpreter's own flush at exit finds a writable file."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

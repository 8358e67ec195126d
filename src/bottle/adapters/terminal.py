"""The terminal that this process was started from: raw keys, size, and everything as it was afterwards."""

import os
import signal
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


def is_terminal(descriptor: int) -> bool:
    return os.isatty(descriptor)


def size(descriptor: int) -> tuple[int, int] | None:
    """Rows and columns; None where there is no terminal, or one that does not know."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return (rows, columns) if rows and columns else None


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Every key goes through unread, Ctrl-C included; however the block ends, the terminal is as it was before.

    What nobody has read by then is thrown away: a program can have a terminal answer (its state, its title, colours),
    and that must not become the shell's next command.
    """
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        yield
    finally:
        try:
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
        except termios.error:
            pass  # the terminal was closed meanwhile


@contextmanager
def signals() -> Iterator[int | None]:
    """A descriptor from which the number of each signal can be read that this process has a handler for, SIGWINCH too.

    Who waits for it as well misses none: one that comes in the moment before a wait does not interrupt it. None outside
    the main thread, which alone is told of signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    resized = signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # those not looked at yet are enough then
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGWINCH, resized)
        os.close(reader)
        os.close(writer)

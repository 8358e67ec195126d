"""The terminal that a bottle was attached to, afterwards: as it was, and with nothing in it that nobody typed."""

import os
import pty
import select
import termios

from bottle.adapters import terminal


def test_what_an_attached_program_had_the_terminal_say_is_no_command_of_the_shells() -> None:
    """An answer that comes when the program is gone, with a line end in it, would be run."""
    keyboard, tty = pty.openpty()
    try:
        before = termios.tcgetattr(tty)
        with terminal.raw(tty):
            os.write(keyboard, b"\x1b]l rm -rf ~\r\n")
            assert select.select([tty], [], [], 10)[0], "it has arrived"
        assert termios.tcgetattr(tty) == before
        os.write(keyboard, b"typed\n")
        assert os.read(tty, 100) == b"typed\n"
    finally:
        os.close(keyboard)
        os.close(tty)

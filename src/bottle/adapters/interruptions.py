"""Signals that end a run, turned into one KeyboardInterrupt."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalInterruptions:
    """Listens for Ctrl-C, SIGTERM and SIGHUP from its making on. Only the first raises; those that follow are ignored,
    so that an impatient second Ctrl-C does not break the clean-up that the first one asked for."""

    def __init__(self) -> None:
        self._shields = 0
        self._raised = False
        self._pending = False
        for number in _ENDING:
            # What the caller chose to ignore stays ignored: nohup(1) sets SIGHUP so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Inside, no signal raises; one that arrives raises at the end of the outermost block."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._pending and not self._shields:
                self._pending = False
                self._raise()

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self._shields:
            self._pending = not self._raised
        else:
            self._raise()

    def _raise(self) -> None:
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt

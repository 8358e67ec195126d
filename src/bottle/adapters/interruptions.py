"""Signals that end a run, turned into one KeyboardInterrupt that carries the signal's number."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bottle.app.ports import Stopping


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalInterruptions:
    """Listens for Ctrl-C, SIGTERM and SIGHUP from its making on. Only the first raises; those that follow are ignored,
    so that an impatient second Ctrl-C does not break the clean-up that the first one asked for."""

    def __init__(self) -> None:
        self._shields = 0
        self._raised = False
        self._pending: int | None = None
        for number in _ENDING:
            # What the caller chose to ignore stays ignored: nohup(1) sets SIGHUP so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    @contextmanager
    def shielded(self) -> Iterator[Stopping]:
        """Inside, no signal raises; one that arrives raises at the end of the outermost block."""
        self._shields += 1
        try:
            yield lambda: self._pending is not None
        finally:
            self._shields -= 1
            if self._pending is not None and not self._shields:
                self._raise(self._pending)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._shields:
            self._pending = self._pending or number
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        if not self._raised:
            self._raised = True
            for ending in _ENDING:  # an interpreter that ends would forget its own handlers, but not this
                signal.signal(ending, signal.SIG_IGN)
            raise KeyboardInterrupt(number)

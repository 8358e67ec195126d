"""Interruptions that a test causes by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define

from bottle.app.ports import Stopping


@define
class FakeInterruptions:
    """`strike` is a signal's arrival: it raises at once, or at the end of the shielded block that it falls into."""

    _shields: int = 0
    _raised: bool = False
    _pending: bool = False

    @contextmanager
    def shielded(self) -> Iterator[Stopping]:
        self._shields += 1
        try:
            yield lambda: self._pending
        finally:
            self._shields -= 1
            if self._pending and not self._shields:
                self._pending = False
                self.strike()

    def strike(self) -> None:
        if self._shields:
            self._pending = not self._raised
        elif not self._raised:
            self._raised = True
            raise KeyboardInterrupt

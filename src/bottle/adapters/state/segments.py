"""A sidecar's trail in all its files: those that are full, by their numbers, and the one that grows, read as one."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from attrs import define, field

from bottle.adapters.state.tail import LONG_AGO, Stamped, Tail


@define
class Segments:
    """The files of one name in a directory, read to their present end again and again; none of it is missed or doubled.

    The file that grows is opened before the full ones are listed: whatever was numbered before that is in the list, and
    what is numbered later is this very file.
    """

    directory: Path
    name: str = "audit"
    _growing: Tail = field(init=False)
    _read_up_to: int = 0
    _latest: datetime = LONG_AGO

    def __attrs_post_init__(self) -> None:
        self._growing = Tail(self.directory / f"{self.name}.jsonl")

    def lines(self, *, last: bool) -> Iterator[Stamped]:
        """What was added since, with times that never go back; with `last` also a line that was not finished."""
        for moment, line in self._all(last=last):
            self._latest = max(self._latest, moment)
            yield self._latest, line

    def skip(self, keep: int) -> None:
        """Passes over the full files, and over all but the last `keep` bytes of the one that grows."""
        self._growing.skip(keep)
        self._read_up_to = max((number for number, _ in self._listed()), default=self._read_up_to)

    def close(self) -> None:
        self._growing.close()

    def _all(self, *, last: bool) -> Iterator[Stamped]:
        self._growing.open()
        yield from self._full()
        yield from self._full()  # what was numbered before the file that grows now was opened
        yield from self._growing.lines(last=last)

    def _full(self) -> Iterator[Stamped]:
        """The full files that were not read yet. They are listed once: a writer must not keep us here."""
        for number, path in self._listed():
            if self._growing.is_at(path):
                yield from self._growing.rest()
                self._growing.open()
            else:
                yield from Tail(path).rest()
            self._read_up_to = number

    def _listed(self) -> list[tuple[int, Path]]:
        try:
            paths = list(self.directory.iterdir())
        except FileNotFoundError:
            return []
        full = re.compile(rf"{self.name}-([0-9]{{6,9}})\.jsonl\Z")
        found = ((int(match[1]), path) for path in paths if (match := full.match(path.name)))
        return sorted((number, path) for number, path in found if number > self._read_up_to)

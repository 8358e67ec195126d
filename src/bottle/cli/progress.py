"""ports.Progress on stderr: steps as lines; details only on a terminal that can show one over the other."""

import shutil

from attrs import define
from rich.cells import set_cell_size

from bottle.cli.columns import plain
from bottle.cli.render import talk
from bottle.cli.streams import obeys, say


@define
class TalkingProgress:
    """There the newest detail stands below its step and goes when the next thing is said."""

    _shows_detail: bool = False

    def step(self, text: str) -> None:
        self._clear()
        talk(f"bottle: {text}")

    def detail(self, text: str) -> None:
        if not obeys():
            return
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        say(set_cell_size(f"  {plain(text)}", width).rstrip())
        self._shows_detail = True

    def _clear(self) -> None:
        if self._shows_detail:
            say("\r\x1b[K")
            self._shows_detail = False

"""ports.Progress on stderr: steps as lines; details only where somebody watches, one over the other."""

import shutil
import sys

from attrs import define

from bottle.cli.columns import plain
from bottle.cli.render import talk
from bottle.cli.streams import say


@define
class TalkingProgress:
    """On a terminal the newest detail stands below its step and goes when the next thing is said."""

    _shows_detail: bool = False

    def step(self, text: str) -> None:
        self._clear()
        talk(f"bottle: {text}")

    def detail(self, text: str) -> None:
        if not sys.stderr.isatty():
            return
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        say(f"  {plain(text)}"[:width])
        self._shows_detail = True

    def _clear(self) -> None:
        if self._shows_detail:
            say("\r\x1b[K")
            self._shows_detail = False

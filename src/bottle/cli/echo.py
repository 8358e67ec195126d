"""What an agent says while it works by itself, for whoever watches."""

import sys
from typing import Final, Self

from bottle.cli.columns import set_in
from bottle.cli.streams import say, terminal_width

_LONGEST_LINE: Final = 65536
_MARK: Final = "| "
"""Before each line of the agent's: none passes for one of ours."""


def quote(text: str) -> None:
    """The agent's words on stderr."""
    width = terminal_width(sys.stderr)
    room = None if width is None else max(width - len(_MARK), 1)
    lines = (part for line in text.splitlines() for part in set_in(line, room))
    say("".join(f"{_MARK}{line}".rstrip() + "\n" for line in lines))


class Echo:
    """Shows on stderr, line by line, what somebody says who is not trusted; in a `with`, for the last line's sake."""

    def __init__(self) -> None:
        self._unfinished = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        quote(self._unfinished.decode(errors="replace"))

    def show(self, piece: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + piece).split(b"\n")
        if len(self._unfinished) > _LONGEST_LINE:
            lines, self._unfinished = [*lines, self._unfinished], b""
        quote(b"\n".join(lines).decode(errors="replace"))

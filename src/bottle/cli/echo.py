"""What an agent says while it works by itself, for whoever watches."""

from typing import Final, Self

from bottle.cli.render import talk

_LONGEST_LINE: Final = 65536


class Echo:
    """Shows on stderr, line by line, what somebody says who is not trusted; in a `with`, for the last line's sake."""

    def __init__(self) -> None:
        self._unfinished = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        talk(self._unfinished.decode(errors="replace"))

    def show(self, piece: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + piece).split(b"\n")
        if len(self._unfinished) > _LONGEST_LINE:
            lines, self._unfinished = [*lines, self._unfinished], b""
        talk(b"\n".join(lines).decode(errors="replace"))

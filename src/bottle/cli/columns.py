"""Text in columns, and within the width of a terminal."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from textwrap import TextWrapper

_GAP = 2
_LEAST = 24
"""Narrower than that no text is set; then lines are longer than the terminal is wide."""
_DEEPEST = 20
_BEHIND_GAP = re.compile(r" {2,}")


def plain(text: str) -> str:
    """The text with everything that a terminal would obey, and everything that reorders text, shown as an escape."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def table(rows: Iterable[Sequence[str]], headings: Sequence[str] = (), *, width: int | None = None) -> str:
    """Columns aligned with two spaces between; headings in upper case; no trailing spaces. Within `width` the last
    column, where prose stands, is folded."""
    lines = [[plain(cell) for cell in row] for row in ([headings] if headings else []) + [list(row) for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    room = None if width is None else width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    return "\n".join(line for cells in lines for line in _set(cells, widths, room))


def _set(cells: Sequence[str], widths: Sequence[int], room: int | None) -> Iterable[str]:
    """One row, of as many lines as its last cell needs."""
    *aligned, last = cells
    pieces = [last] if room is None or room < _LEAST or len(last) <= room else _folded(last, room)
    for line in zip_longest(*([cell] for cell in aligned), pieces, fillvalue=""):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _folded(text: str, room: int) -> list[str]:
    """What has columns of its own goes on below the second of them, unless that stands too far to the right."""
    gap = _BEHIND_GAP.search(text.lstrip())
    indent = gap.end() if gap and gap.end() <= _DEEPEST else _GAP
    return TextWrapper(room, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False).wrap(text)

"""Text in columns, and within the width of a terminal."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from textwrap import TextWrapper

from rich.cells import cell_len, chop_cells, set_cell_size

_GAP = 2
_LEAST = 24
"""Prose is set no narrower; and no column that can be done without stays where it would leave less."""
_DEEPEST = 20
_BELOW = " " * 4
_BEHIND_GAP = re.compile(r" {2,}")
_TIE = "\0"  # stands for a space that is no place to break a line; text has none, control characters are escaped
_CUT = "..."
_SECOND = "\1"  # stands behind a character of two cells: text is folded by what it takes, not by how it is counted

Lines = list[list[str]]


def plain(text: str) -> str:
    """The text with everything that a terminal would obey, and everything that reorders text, shown as an escape."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def table(
    rows: Iterable[Sequence[str]],
    headings: Sequence[str] = (),
    *,
    width: int | None = None,
    spare: Sequence[str] = (),
    shortens: bool = False,
    cuts: bool = False,
) -> str:
    """Columns aligned with two spaces between; headings in upper case; no trailing spaces.

    Within `width` columns are left out, those with nothing in them first, then those with a heading in `spare`, one
    after the other, until the rest fits. The last one, where prose stands, is folded, or shortened where it is a name.
    A word that is wider than that stays whole, to be copied; with `cuts` it is cut: it may have been written to fill a
    line to its end, so that what follows stands where our words begin.
    """
    lines = [[plain(cell) for cell in row] for row in ([headings] if headings else []) + [list(row) for row in rows]]
    if width is None or not lines:
        return "\n".join(_aligned(cells, _widths(lines)) for cells in lines)
    lines = _without(lines, spare, width) if headings else lines
    widths = _widths(lines)
    room = width - _taken(widths)
    if shortens and len(widths) > 1:
        return "\n".join(_aligned([*cells[:-1], _shortened(cells[-1], room)], widths) for cells in lines)
    return "\n".join(line for cells in lines for line in _set(cells, widths, room, width, cuts=cuts))


def _widths(lines: Lines) -> list[int]:
    """Of each column, in cells of a terminal."""
    return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]


def _taken(widths: Sequence[int]) -> int:
    """By all columns but the last."""
    return sum(widths[:-1]) + _GAP * (len(widths) - 1)


def _without(lines: Lines, spare: Sequence[str], width: int) -> Lines:
    """The columns that fit; all that are not spare, if they do not."""
    empty = [heading for heading, *column in zip(*lines, strict=True) if not any(column)]
    for heading in (*empty, *spare):
        widths = _widths(lines)
        if len(widths) == 1 or _taken(widths) + min(widths[-1], _LEAST) <= width:
            break
        if heading in lines[0]:
            place = lines[0].index(heading)
            lines = [[*cells[:place], *cells[place + 1 :]] for cells in lines]
    return lines


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return (" " * _GAP).join(padded).rstrip()


def _shortened(text: str, room: int) -> str:
    """Nothing at all where hardly a syllable would be left."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, room - len(_CUT)).rstrip() + _CUT if room > 2 * len(_CUT) else ""


def set_in(text: str, width: int | None) -> list[str]:
    """A line of somebody's words as lines of a terminal: all but the first begin further in, whatever stands in it."""
    text = plain(text)
    return [text] if width is None or cell_len(text) <= width else _folded(text, width, cuts=True)


def _set(cells: Sequence[str], widths: Sequence[int], room: int, width: int, *, cuts: bool) -> Iterable[str]:
    """One row, of as many lines as its last cell needs; below the others where beside them is no room."""
    *others, last = cells
    beside = room >= _LEAST or any(others)
    if (cell_len(last) <= room and beside) or width - len(_BELOW) < _LEAST:
        yield _aligned(cells, widths)
    elif room >= _LEAST:
        for line in zip_longest(*([cell] for cell in others), _folded(last, room, cuts=cuts), fillvalue=""):
            yield _aligned(line, widths)
    else:
        yield from filter(None, [_aligned(others, widths[:-1])])
        yield from (_BELOW + line for line in _folded(last, width - len(_BELOW), cuts=cuts))


def _folded(text: str, room: int, *, cuts: bool) -> list[str]:
    """What has two columns of its own goes on below the second, unless that stands too far to the right; of more the
    cells stay whole."""
    gap = _BEHIND_GAP.search(text.lstrip())
    indent = gap.end() if gap and gap.end() <= _DEEPEST and not cuts else _GAP
    cells = _BEHIND_GAP.split(text.strip())
    if len(cells) > 2 and not cuts:
        text = (" " * _GAP).join(cell.replace(" ", _TIE) if len(cell) + _GAP <= room else cell for cell in cells)
        indent = _GAP
    wrapper = TextWrapper(room, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    lines = [line.replace(_TIE, " ").replace(_SECOND, "") for line in wrapper.wrap(_counted(text))]
    return [piece for line in lines for piece in _cut(line, room)] if cuts else lines


def _counted(text: str) -> str:
    """The text, as long as it is wide."""
    return text if text.isascii() else "".join(one + _SECOND * (cell_len(one) - 1) for one in text)


def _cut(line: str, room: int) -> list[str]:
    if cell_len(line) <= room:
        return [line]
    first, *more = chop_cells(line, room - _GAP)
    return [first, *(" " * _GAP + piece for piece in more)]

"""Rows of cells in columns that fit a width: what matters least gives way first."""

from collections.abc import Mapping, Sequence

from attrs import frozen
from textual.content import Content

GAP = 2


@frozen
class Column:
    """`least` and `most` are cells of the screen. `rank`: the higher, the sooner it is left out where there is no room;
    columns of rank 0 always stay, and the one that `grows` has what is over."""

    name: str
    least: int
    most: int = 0
    rank: int = 0
    grows: bool = False
    heading: str = ""
    right: bool = False

    @property
    def widest(self) -> int:
        return max(self.least, self.most)


@frozen
class Layout:
    """The columns that have room, with their widths."""

    columns: tuple[tuple[Column, int], ...]

    def heading(self) -> Content:
        cells = {column.name: Content.styled(column.heading, "$quiet") for column, _ in self.columns}
        return self.row(cells)

    def row(self, cells: Mapping[str, Content]) -> Content:
        """One line; a cell that is too long ends in an ellipsis."""
        parts = [_fitted(cells.get(column.name, Content()), column, width) for column, width in self.columns]
        return Content(" " * GAP).join(parts)

    def width_of(self, name: str) -> int:
        """How wide a column is; 0 where there is no room for it."""
        return next((width for column, width in self.columns if column.name == name), 0)


def fit(columns: Sequence[Column], width: int) -> Layout:
    """The columns that fit, in their order; those that stay whatever happens may be cut by the screen's edge."""
    kept = list(columns)
    while _needed(kept) > width and any(column.rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return Layout(tuple(zip(kept, _widths(kept, width - _needed(kept)), strict=True)))


def _widths(columns: Sequence[Column], left: int) -> Sequence[int]:
    """Each as wide as it must be, then as it may be as far as the room goes, those that grow first and last."""
    widths = [column.least for column in columns]
    first = sorted(range(len(columns)), key=lambda index: not columns[index].grows)
    for index in first:
        more = max(0, min(columns[index].widest - widths[index], left))
        widths[index] += more
        left -= more
    for index in first[:1]:
        widths[index] += max(0, left) if columns[index].grows else 0
    return widths


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.least for column in columns) + GAP * max(0, len(columns) - 1)


def _fitted(cell: Content, column: Column, width: int) -> Content:
    cut = cell.truncate(width, ellipsis=True)
    blank = Content(" " * max(0, width - cut.cell_length))
    return blank + cut if column.right else cut + blank

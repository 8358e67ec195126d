"""Tables and lists to read, at the width that they need."""

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from bottle.dashboard import cells

GAP = "  "


def table(headings: Sequence[str], rows: Iterable[Sequence[Content]]) -> Content:
    """Columns as wide as their widest cell, quiet headings above them."""
    lines = [[Content.styled(heading, cells.QUIET) for heading in headings], *map(list, rows)]
    widths = [max(cell.cell_length for cell in column) for column in zip(*lines, strict=True)]
    return Content("\n").join([_line(line, widths) for line in lines])


class Facts(Vertical):
    """Names on the left, what they are on the right; what is empty is left out, what is long stays on the right."""

    def __init__(self, facts: Iterable[tuple[str, Content]]) -> None:
        super().__init__(classes="facts")
        self._facts = [(name, value) for name, value in facts if value.plain]

    def compose(self) -> ComposeResult:
        for name, value in self._facts:
            with Horizontal(classes="fact"):
                yield Static(name, classes="name", markup=False)
                yield Static(value, classes="value", markup=False)


def sections(parts: Iterable[tuple[str, Content]]) -> Content:
    """Headings, each with what stands below it; an empty part is left out."""
    shown = [Content.styled(title, "bold") + "\n" + content for title, content in parts if content.plain]
    return Content("\n\n").join(shown)


def _line(line: Sequence[Content], widths: Sequence[int]) -> Content:
    padded = [cell + " " * (width - cell.cell_length) for cell, width in zip(line, widths, strict=True)]
    return Content(GAP).join(padded).rstrip()

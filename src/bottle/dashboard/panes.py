"""The panes of the first screen: bottles, what is asked, and what went out."""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content

from bottle.dashboard import cells
from bottle.dashboard.board import Board, Line
from bottle.dashboard.columns import Column, Layout
from bottle.dashboard.rows import Pane, Row
from bottle.domain.state import BottleRow
from bottle.domain.supervise import Asked

MOST_LINES = 1000
"""So many lines of the trail are kept on the screen; `bottle logs` has them all."""
Filter = Literal["everything", "refused", "git", "asked"]
FILTERS: tuple[Filter, ...] = ("everything", "refused", "git", "asked")


class BottlePane(Pane):
    """The bottles, newest last."""

    columns = (
        Column("mark", 1),
        Column("label", 12, 24, grows=True, heading="BOTTLE"),
        Column("identity", 13, 20, rank=3, heading="IDENTITY"),
        Column("agent", 8, 14, rank=5, heading="AGENT"),
        Column("backend", 10, 12, rank=4, heading="BACKEND"),
        Column("since", 6, heading="SINCE", right=True),
        Column("services", 12, 20, rank=6, heading="SERVICES"),
        Column("traffic", 10, 24, rank=2, heading="TRAFFIC"),
        Column("asks", 4, heading="ASKS", right=True),
    )
    empty = "No bottle runs.\n\nn starts one"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "app.attach", "Attach"),
        Binding("r", "app.resume", "Resume"),
        Binding("s", "app.stop", "Stop"),
        Binding("l", "app.log", "Log"),
    ]
    board: Board | None = None

    def show(self, board: Board) -> None:
        self.board = board
        self.border_title = _counted(len(board.rows), "Bottles")
        self.redraw()

    def draw(self, layout: Layout) -> Sequence[Row]:
        board = self.board
        return [] if board is None else [(row.identity, self._line(row, board, layout)) for row in board.rows]

    def _line(self, row: BottleRow, board: Board, layout: Layout) -> Content:
        bars = board.pulses.get(row.identity, ())
        return layout.row(
            {
                "mark": cells.mark(row.status),
                "label": cells.label(row),
                "identity": cells.text(row.identity, cells.QUIET),
                "agent": cells.text(row.agent),
                "backend": cells.text(row.backend, cells.QUIET),
                "since": cells.text(cells.since(row, board.now) if row.status == "running" else row.status),
                "services": cells.text(" ".join(row.services), cells.QUIET),
                "traffic": cells.spark(bars, layout.width_of("traffic")),
                "asks": cells.asks(row.pending),
            }
        )


class AskedPane(Pane):
    """What waits for an answer, oldest first."""

    columns = (
        Column("kind", 8, heading="WANTS TO"),
        Column("title", 20, 40, grows=True, heading="WHAT"),
        Column("bottle", 10, 20, heading="BOTTLE"),
        Column("id", 8, rank=2, heading="ID"),
        Column("age", 6, heading="SINCE", right=True),
    )
    empty = "Nobody waits for an answer."
    board: Board | None = None

    def show(self, board: Board) -> None:
        self.board = board
        self.border_title = _counted(len(board.waiting), "Asked")
        self.set_class(bool(board.waiting), "-waiting")
        self.redraw()

    def draw(self, layout: Layout) -> Sequence[Row]:
        board = self.board
        return [] if board is None else [(one.proposal.id, _asked_line(one, board, layout)) for one in board.waiting]


class AuditPane(Pane):
    """What the bottles asked for and were answered, as it happens; newest last."""

    columns = (
        Column("time", 8, heading="UTC"),
        Column("bottle", 10, 16, rank=2, heading="BOTTLE"),
        Column("outcome", 5),
        Column("what", 20, grows=True, heading="WHAT HAPPENED"),
    )
    empty = "Nothing to see."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Filter"),
        Binding("b", "screen.only_chosen", "One bottle"),
    ]
    filter: Filter = "everything"
    only: str | None = None
    """The bottle whose lines alone are shown."""
    words: str = ""
    """What a line must hold to be shown, in any case."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._lines: deque[tuple[int, Line]] = deque(maxlen=MOST_LINES)
        self._count = 0
        self._board: Board | None = None

    def show(self, board: Board) -> None:
        self._board = board
        for line in board.lines:
            self._lines.append((self._count, line))
            self._count += 1
        self.redraw()

    def draw(self, layout: Layout) -> Sequence[Row]:
        self.border_title = self._title()
        return [(str(number), self._line(line, layout)) for number, line in self._lines if self._passes(line)]

    def redraw(self) -> None:
        """Goes with the newest line, unless the operator looks at another one."""
        rows = self.rows
        follows = rows.highlighted is None or rows.highlighted >= rows.option_count - 1
        super().redraw()
        if follows and rows.option_count:
            rows.highlighted = rows.option_count - 1
            self.call_after_refresh(rows.scroll_to_highlight)

    def action_filter(self) -> None:
        self.filter = FILTERS[(FILTERS.index(self.filter) + 1) % len(FILTERS)]
        self.redraw()

    def line(self, number: str) -> Line | None:
        return next((line for count, line in self._lines if str(count) == number), None)

    def _passes(self, line: Line) -> bool:
        entry = line.entry
        if self.only not in (None, line.identity):
            return False
        if (
            self.words
            and self.words.lower() not in f"{line.identity} {entry.asked} {entry.rule} {entry.reason}".lower()
        ):
            return False
        match self.filter:
            case "refused":
                return not entry.allowed
            case "git":
                return entry.kind == "git"
            case "asked":
                return entry.kind == "supervise"
            case "everything":
                return True

    def _line(self, line: Line, layout: Layout) -> Content:
        row = self._board.row(line.identity) if self._board else None
        return layout.row(
            {
                "time": cells.clock(line.entry),
                "bottle": cells.label(row) if row else cells.text(line.identity),
                "outcome": cells.outcome(line.entry),
                "what": cells.happened(line.entry),
            }
        )

    def _title(self) -> Content:
        parts = ["Audit", self.filter, *([f"of {self.only}"] if self.only else [])]
        return cells.text(" · ".join([*parts, *([f"with “{self.words}”"] if self.words else [])]))


def _asked_line(asked: Asked, board: Board, layout: Layout) -> Content:
    proposal = asked.proposal
    row = board.row(proposal.identity)
    return layout.row(
        {
            "kind": cells.kind(proposal.kind),
            "title": cells.text(proposal.title),
            "bottle": cells.label(row) if row else cells.text(proposal.identity),
            "id": cells.text(proposal.id, cells.QUIET),
            "age": cells.text(cells.age(proposal.asked_at, board.now.timestamp()), cells.QUIET),
        }
    )


def _counted(number: int, what: str) -> str:
    return f"{what} · {number}" if number else what

"""Columns that fit, bars that count, and words for how long ago."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from bottle.dashboard import cells
from bottle.dashboard.columns import GAP, Column, fit
from bottle.dashboard.panes import AskedPane, AuditPane, BottlePane
from bottle.dashboard.pulse import SPANS, Bar, Pulse
from bottle.domain.trail import Entry

COLUMNS = (Column("name", 4, 8, grows=True), Column("often", 3, rank=1), Column("seldom", 5, rank=2, right=True))


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (30, {"name": 18, "often": 3, "seldom": 5}),
        (16, {"name": 4, "often": 3, "seldom": 5}),
        (15, {"name": 10, "often": 3}),
        (8, {"name": 8}),
        (2, {"name": 4}),
    ],
)
def test_what_matters_least_gives_way_first(width: int, widths: dict[str, int]) -> None:
    assert {column.name: given for column, given in fit(COLUMNS, width).columns} == widths


@given(st.integers(30, 300), st.sampled_from([BottlePane, AskedPane, AuditPane]), st.text(max_size=40))
def test_a_row_is_as_wide_as_the_room_whatever_stands_in_it(width: int, pane: type[BottlePane], text: str) -> None:
    layout = fit(pane.columns, width)
    row = layout.row({column.name: cells.text(text) for column in pane.columns})
    needed = sum(column.least + GAP for column in pane.columns if not column.rank) - GAP
    assert row.cell_length == max(width, needed)
    assert row.plain.isprintable()


def test_bars_count_by_spans_and_forget_what_is_past() -> None:
    pulse = Pulse()
    for moment, allowed in ((1000.0, True), (1009.9, False), (1010.0, True), (400.0, True)):
        pulse.take(Entry("", moment, "http", allowed, "", ""))
    pulse.take(Entry("", 1010.0, "lifecycle", True, "", ""))
    assert list(pulse.bars(1015.0))[-3:] == [Bar(), Bar(2, 1), Bar(1)]
    assert [bar for bar in pulse.bars(1015.0) if bar.asked] == [Bar(2, 1), Bar(1)]
    assert not any(bar.asked for bar in pulse.bars(1000.0 + 10 * SPANS + 10))


def test_a_bar_is_high_against_the_highest_and_never_nothing() -> None:
    drawn = cells.spark([Bar(1000), Bar(1), Bar(), Bar(500, 1)], 4)
    assert drawn.plain == "█▂▁▅"
    assert [span.style for span in drawn.spans][3] == "$error"
    assert cells.spark([Bar(1)] * 9, 3).plain == "███"
    assert cells.spark([], 3) == Content()


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (86400 * 3, "3 d")]
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert cells.age(1000.0 - seconds, 1000.0) == said

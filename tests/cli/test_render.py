"""A label in a listing: in its colour on a terminal that shows any, and never obeyed."""

from datetime import UTC, datetime

from attrs import evolve

from bottle.cli.rows import row_table
from bottle.domain.state import BottleRow


def _row(label: str, color: str) -> BottleRow:
    return BottleRow("coder-00001", "coder", "claude", "docker", label, color, "2026-01-01T00:00:00", "running")


ROWS = [_row("port", "bright-blue"), _row("", "red"), _row("a\x1b[2Jb", "green"), _row("plain", "")]


def test_a_label_is_shown_in_its_color() -> None:
    lines = row_table(iter(ROWS), colored=True).splitlines()
    assert lines[0].endswith("LABEL")
    assert lines[1].endswith("running  2026-01-01T00:00:00                  \x1b[1;34mport\x1b[0m")
    assert lines[2].endswith("2026-01-01T00:00:00")
    assert lines[3].endswith("\x1b[32ma\\x1b[2Jb\x1b[0m")
    assert lines[4].endswith("  plain")


def test_elsewhere_it_is_plain() -> None:
    assert "\x1b" not in row_table(ROWS)


def test_ages_and_sizes_are_told_where_all_are_listed() -> None:
    began, ended = "2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00"
    rows = [evolve(ROWS[0], started_at=began, ended_at=ended, size=5 * 1024**2)]
    headings, line = row_table(rows, now=datetime(2026, 1, 5, 1, tzinfo=UTC)).splitlines()
    assert "STARTED              AGE  KEPT" in headings
    assert "  2d   5.0 MiB  " in line


def test_an_age_that_cannot_be_told_is_no_reason_to_fail() -> None:
    assert "  ?  " in row_table([evolve(ROWS[0], started_at="")], now=datetime(2026, 1, 5, tzinfo=UTC))

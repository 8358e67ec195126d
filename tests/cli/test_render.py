"""Bottles as lines: labels in their colour and never obeyed; as much as a terminal has room for."""

from datetime import UTC, datetime

import pytest
from attrs import evolve
from rich.cells import cell_len

from bottle.cli.render import print_error, review, warn
from bottle.cli.rows import row_table
from bottle.domain.errors import BackendError
from bottle.domain.state import BottleRow


def _row(label: str, color: str) -> BottleRow:
    return BottleRow("coder-00001", "coder", "claude", "docker", label, color, "2026-01-01T00:00:00+00:00", "running")


ROWS = [_row("port", "bright-blue"), _row("", "red"), _row("a\x1b[2Jb", "green"), _row("plain", "")]


NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)


def test_a_label_is_shown_in_its_color() -> None:
    lines = row_table(iter(ROWS), NOW, colored=True).splitlines()
    assert lines[0].endswith("LABEL")
    assert lines[1].endswith("  \x1b[1;34mport\x1b[0m")
    assert lines[2].endswith("  4d")
    assert lines[3].endswith("\x1b[32ma\\x1b[2Jb\x1b[0m")
    assert lines[4].endswith("  plain")


def test_elsewhere_it_is_plain() -> None:
    assert "\x1b" not in row_table(ROWS, NOW)


def test_an_age_is_that_of_its_end_and_sizes_are_told_where_all_are_listed() -> None:
    rows = [evolve(ROWS[0], ended_at="2026-01-03T00:00:00+00:00", size=5 * 1024**2)]
    headings, line = row_table(rows, NOW, kept=True).splitlines()
    assert "STARTED              AGE  KEPT" in headings
    assert "  2d   5.0 MiB  " in line


def test_an_age_that_cannot_be_told_is_no_reason_to_fail() -> None:
    assert "  ?  " in row_table([evolve(ROWS[0], started_at="")], NOW)


WIDE = [
    evolve(ROWS[0], services=("egress", "git-gate", "supervise"), label="fix the login"),
    evolve(ROWS[0], identity="dependency-updater-00002", agent="dependency-updater", bottle="python-with-a-registry",
           label="漢字のラベルはとても長い名前になることがある"),
    evolve(ROWS[0], pending=2, label="🚀🚀 off it goes, and this here says why and where to"),
]  # fmt: skip


@pytest.mark.parametrize("width", range(40, 200, 7))
def test_a_terminal_of_any_width_shows_one_line_a_bottle_with_its_whole_name(width: int) -> None:
    lines = row_table(WIDE, NOW, kept=True, width=width).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [row.identity for row in WIDE]
    assert max(map(cell_len, lines)) <= width
    assert "STATUS" in lines[0]
    assert "ASKS" in lines[0], "somebody waits"


def test_what_is_left_out_is_what_something_else_says() -> None:
    at_80, at_120 = (row_table(WIDE, NOW, kept=True, width=width).splitlines() for width in (80, 120))
    assert at_80[0].split() == ["IDENTITY", "STATUS", "AGE", "ASKS", "LABEL"]
    assert at_80[1].endswith("fix the login")
    assert at_80[2].endswith("長い名前に...")
    assert at_120[0].split() == ["IDENTITY", "BOTTLE", "BACKEND", "STATUS", "AGE", "KEPT", "ASKS", "LABEL"]


def test_a_pipe_gets_everything() -> None:
    """Whoever reads it there may look for any of it."""
    lines = row_table(WIDE, NOW, kept=True).splitlines()
    assert "SERVICES" in lines[0]
    assert all(row.label in line for row, line in zip(WIDE, lines[1:], strict=True))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x85", "\u2028"])
def test_a_name_with_lines_in_it_says_nothing_in_our_name(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of a repository, output of a build, paths that an agent made: none passes for a line of ours."""
    forged = f"x{end}hint: run this{end}bottle: all is well"
    warn(f"not copied: {forged}")
    print_error(BackendError(f"the build failed: {forged}", hint=forged))
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("bottle: ")] == ["bottle: warning: not copied: x",
                                                                     "bottle: error: the build failed: x"]  # fmt: skip
    assert [line for line in said if line.startswith("hint: ")] == ["hint: x", "hint: hint: run this",
                                                                   "hint: bottle: all is well"]  # fmt: skip
    assert len(review("", [], [forged]).splitlines()) == 2

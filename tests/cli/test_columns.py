"""Columns: whole lines for programs, folded ones for a person's terminal."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from bottle.cli.columns import set_in, table
from tests.support.bottle_cli import program
from tests.support.requirements import require
from tests.support.tmux import terminal

from .conftest import CommandLine

ROWS = [
    ("walls", "bubblewrap"),
    ("", "network  no device but loopback; what the sidecar serves is handed in"),
    ("", "short"),
]


def test_without_a_width_every_row_is_a_line() -> None:
    assert table(ROWS).splitlines() == [
        "walls  bubblewrap",
        "       network  no device but loopback; what the sidecar serves is handed in",
        "       short",
    ]


def test_within_a_width_prose_goes_on_below_itself() -> None:
    assert table(ROWS, width=40).splitlines() == [
        "walls  bubblewrap",
        "       network  no device but loopback;",
        "                what the sidecar serves",
        "                is handed in",
        "       short",
    ]


@pytest.mark.parametrize("width", range(31, 100))
def test_no_line_is_wider_and_no_word_is_lost(width: int) -> None:
    text = table(ROWS, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == table(ROWS).split()


def test_where_beside_is_no_room_prose_stands_below() -> None:
    assert table(ROWS, width=30).splitlines() == [
        "walls  bubblewrap",
        "    network  no device but",
        "             loopback; what",
        "             the sidecar",
        "             serves is handed",
        "             in",
        "    short",
    ]
    rows = [("ok", "docker", "an engine that answers"), ("", "", "hint: or another one")]
    assert table(rows, width=30).splitlines() == [
        "ok  docker",
        "    an engine that answers",
        "    hint: or another one",
    ]


def test_where_nothing_fits_nothing_is_folded() -> None:
    """A column of single letters helps nobody: the terminal wraps as it does."""
    assert table(ROWS, width=27) == table(ROWS)


def test_cells_stay_whole_where_a_row_of_them_is_folded() -> None:
    rows = [("egress", "https://pypi.org:443       GET,HEAD  no credential  scanned")]
    assert table(rows, width=44).splitlines() == [
        "egress  https://pypi.org:443  GET,HEAD",
        "          no credential  scanned",
    ]


def test_a_column_with_nothing_in_it_goes_first() -> None:
    rows = [("x", "", "family", "prose that wants its twenty-four columns")]
    headings = ("RULE", "SILENT", "FAMILY", "FINDS")
    assert table(rows, headings, width=40, spare=("FAMILY",)).splitlines()[0] == "RULE  FAMILY  FINDS"
    assert table(rows, headings, width=32, spare=("FAMILY",)).splitlines()[0] == "RULE  FINDS"


@pytest.mark.parametrize("rows", [[], [("identity-00001", "", "running")]], ids=["none", "one"])
@pytest.mark.parametrize("width", [1, 5, 20])
def test_no_terminal_is_too_narrow_to_be_told_who_it_is(rows: list[tuple[str, ...]], width: int) -> None:
    text = table(rows, ("IDENTITY", "AGENT", "STATUS"), width=width, spare=("STATUS", "AGENT"), shortens=True)
    assert all(row[0] in text for row in rows)


def test_a_wide_character_takes_two_columns() -> None:
    assert table([("漢字", "x"), ("abcde", "x")]).splitlines() == ["漢字   x", "abcde  x"]


def test_what_cannot_be_divided_stays_whole() -> None:
    """An address or a name is there to be copied."""
    address = f"https://api.example.com/{'x' * 60}"
    assert address in table([("reaches", f"the address {address} alone")], width=50)


FILLS_A_LINE = [
    f"{'-' * 28} state  applied",
    f"{chr(0x2800) * 28}state{chr(0x2800)}applied",  # a letter without ink is no space to fold at
    f"{'漢字' * 14}state  applied",
    f"{'漢字 ' * 14}state  applied",
]


@pytest.mark.parametrize("said", FILLS_A_LINE)
@pytest.mark.parametrize("width", [30, 31, 40, 41])
def test_somebody_elses_words_never_begin_where_ours_do(said: str, width: int) -> None:
    """A terminal begins what has no room at its left edge, as if it were a line of its own."""
    lines = table([("id", "aaaaaaaa"), ("why", said)], width=width, cuts=True).splitlines()
    assert max(map(cell_len, (*lines, *set_in(said, width)))) <= width
    assert all(line.startswith("     ") for line in lines[2:])
    assert all(line.startswith("  ") for line in set_in(said, width)[1:])
    assert "".join(set_in(said, width)).replace(" ", "") == said.replace(" ", "")


def test_where_nobody_sees_a_margin_a_line_stays_whole() -> None:
    assert set_in(FILLS_A_LINE[0], None) == FILLS_A_LINE[:1]


def test_a_terminal_of_80_columns_shows_a_plan_without_broken_words(bottle: CommandLine, tmp_path: Path) -> None:
    require("tmux")
    require("bubblewrap")
    told = bottle("start", "coder", "--dry-run", "--backend", "bubblewrap")
    whole = told.out.splitlines()
    assert max(map(len, whole)) > 80, "this says nothing where all is short"
    argv = [*program(), "start", "coder", "--dry-run", "--backend", "bubblewrap"]
    with terminal(tmp_path, argv, {**bottle.environment, "TERM": "dumb"}, columns=80, rows=60) as window:
        window.wait()
        shown = window.screen()
    assert set(" ".join(whole[2:]).split()) <= set(shown.split()), "each word is whole on one line of the screen"

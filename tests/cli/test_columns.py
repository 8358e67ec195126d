"""Columns: whole lines for programs, folded ones for a person's terminal."""

from pathlib import Path

import pytest

from bottle.cli.columns import table
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


def test_where_nothing_fits_nothing_is_folded() -> None:
    """A column of single letters helps nobody: the terminal wraps as it does."""
    assert table(ROWS, width=30) == table(ROWS)


def test_what_cannot_be_divided_stays_whole() -> None:
    """An address or a name is there to be copied."""
    address = f"https://api.example.com/{'x' * 60}"
    assert address in table([("reaches", f"the address {address} alone")], width=50)


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

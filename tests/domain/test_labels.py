"""Colours as a terminal is told them."""

import pytest

from bottle.domain.labels import COLORS, painted


@pytest.mark.parametrize(
    ("color", "shown"),
    [("black", "\x1b[30mx\x1b[0m"), ("white", "\x1b[37mx\x1b[0m"), ("bright-red", "\x1b[1;31mx\x1b[0m"), ("", "x")],
)
def test_a_bright_color_is_the_plain_one_in_bold(color: str, shown: str) -> None:
    assert painted("x", color) == shown


def test_sixteen_colors_that_differ() -> None:
    assert len({painted("x", color) for color in COLORS}) == 16


def test_what_is_no_color_paints_nothing() -> None:
    assert painted("x", "mauve") == "x"

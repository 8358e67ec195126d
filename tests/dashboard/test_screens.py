"""What is to be read on each screen, at the sizes that terminals have.

The screens are kept beside this file; BOTTLE_DRAW=1 draws them anew, for somebody to look at the difference.
"""

import gc
import os
import re
from html import unescape
from pathlib import Path

import pytest
from textual.widgets._footer import FooterKey

from scripts import screenshots
from tests.dashboard.conftest import Operator, drawn, perform
from tests.support.dashboard_stage import Afternoon

SCREENS = Path(__file__).parent / "screens"
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def compare(name: str, screen: str) -> None:
    path = SCREENS / f"{name}.txt"
    if os.environ.get("BOTTLE_DRAW"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(screen + "\n")
    assert screen + "\n" == path.read_text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids="{0[0]}x{0[1]}".format)
def test_the_first_screen(stage: Afternoon, size: tuple[int, int]) -> None:
    async def script(operator: Operator) -> None:
        compare(f"home-{size[0]}x{size[1]}", await operator.sees("q Quit"))

    perform(stage, script, size=size)


def test_nothing_runs_and_what_helps_is_said(quiet: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        compare("empty-80x24", await operator.sees("q Quit"))

    perform(quiet, script, size=(80, 24))


@pytest.mark.parametrize("size", [(20, 5), (1, 1)], ids="{0[0]}x{0[1]}".format)
def test_no_terminal_is_too_small_to_be_drawn_on(stage: Afternoon, size: tuple[int, int]) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses("question_mark", "escape", "n")
        await operator.pilot.resize_terminal(80, 24)
        await operator.sees("Which agent?")

    perform(stage, script, size=size)


@pytest.mark.parametrize("name", sorted(screenshots.SCENES))
def test_the_pictures_of_the_documentation_are_what_the_program_draws(name: str, tmp_path: Path) -> None:
    drawn = words(screenshots.drawn(name, tmp_path))
    assert drawn == words((PICTURES / f"{name}.svg").read_text()), "`make pictures` draws them anew"
    assert len(drawn) > 10


def words(svg: str) -> list[str]:
    """What is to be read in a picture; how it is drawn is the library's."""
    return [unescape(text).replace("\xa0", " ").strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_without_colours_none_is_sent_and_what_is_chosen_is_still_to_be_seen(
    stage: Afternoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(operator: Operator) -> None:
        styles = [(segment.style, segment.text) for segment in drawn(operator.app) if segment.style]
        assert all(style.color is None or style.color.is_default for style, _ in styles)
        assert all(style.bgcolor is None or style.bgcolor.is_default for style, _ in styles)
        underlined = "".join(text for style, text in styles if style.underline)
        assert "coder-x7k2p" in underlined, "the chosen bottle"
        assert "writer-m3n8q" not in underlined
        assert "✗ 403" in operator.screen, "a refusal reads as one without red"

    perform(stage, script, color=False)


def test_a_label_is_in_its_colour_and_bold_where_that_is_a_bright_one(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        shown = {segment.text.strip(): segment.style for segment in reversed(drawn(operator.app)) if segment.style}
        bright, plain = shown["payments refactor"], shown["reviewer"]
        assert (bright.bold, bright.color.name) == (True, "#72bdb9")  # type: ignore[union-attr]
        assert (plain.bold, plain.color.name) == (None, "#c493d3")  # type: ignore[union-attr]

    perform(stage, script)


def test_a_screen_that_is_left_open_does_not_grow(stage: Afternoon) -> None:
    """It looks once a second: what each look makes anew must also go."""

    async def script(operator: Operator) -> None:
        before = _keys_in_memory()
        for _ in range(10):
            await operator.looks()
            await operator.presses("tab")
        shown = set(operator.app.screen.query(FooterKey))
        for _ in range(10):
            await operator.looks()
        assert set(operator.app.screen.query(FooterKey)) == shown, "the same keys are not made again"
        assert _keys_in_memory() - before <= len(shown)

    perform(stage, script)


def _keys_in_memory() -> int:
    gc.collect()
    return sum(isinstance(one, FooterKey) for one in gc.get_objects())

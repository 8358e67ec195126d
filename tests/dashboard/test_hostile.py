"""What an agent wrote is shown and never obeyed: neither as markup of the screen's, nor by the terminal."""

import pytest
from attrs import evolve

from bottle.domain.supervise import CapabilityWish, Question
from tests.dashboard.conftest import Operator, drawn, perform
from tests.support.dashboard_stage import Afternoon

MARKUP = "[@click=app.quit]yes[/] [bold red on white]no[/]"


def test_markup_in_a_proposal_is_text_wherever_it_is_shown(stage: Afternoon) -> None:
    stage.asks("coder-x7k2p", "aaaaaaaa", Question((MARKUP, "[/]")), MARKUP, ago=9)

    async def script(operator: Operator) -> None:
        assert MARKUP in operator.screen
        await operator.presses("tab", "enter")
        screen = await operator.sees("asks ─")
        assert screen.count(MARKUP) >= 2, "as the question and as a choice"
        await operator.presses("enter", "ctrl+y")
        await operator.hears("aaaaaaaa applied")
        assert not actions(operator)

    perform(stage, script, size=(149, 40))


def test_markup_in_what_is_told_of_a_new_proposal_is_text(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        stage.asks("coder-x7k2p", "aaaaaaaa", CapabilityWish("RUN [@click=app.quit]x"), MARKUP, ago=0)
        await operator.looks()
        await operator.sees("asks: RUN [@click=app.quit]x")
        assert not actions(operator)

    perform(stage, script)


@pytest.mark.parametrize(
    "said", [MARKUP, "\x1b]0;owned\x07\x1b[2J", "\u202egpj.exe", "\r\n\tevil", "漢字" * 200, "[" * 500]
)
def test_a_trail_that_says_anything_at_all_is_shown_plainly(stage: Afternoon, said: str) -> None:
    async def script(operator: Operator) -> None:
        stage.goes_out("coder-x7k2p", "GET", "evil.example", f"/{said}", ago=0)
        await operator.looks()
        screen = await operator.sees("GET evil.example/")
        assert not set(screen) & set("\x1b\x07\r\t\u202e")
        assert all(line.endswith("│") for line in screen.splitlines() if "evil.example" in line), "the frame holds"
        await operator.presses("tab", "tab", "end", "enter")
        await operator.sees("A line of the audit trail")
        assert not set(operator.screen) & set("\x1b\x07\r\t\u202e")
        assert not actions(operator)

    perform(stage, script)


def test_a_label_is_text(stage: Afternoon) -> None:
    stage.begins("coder", label="[@click=app.quit]x", color="red")

    async def script(operator: Operator) -> None:
        assert "[@click=app.quit]x" in operator.screen
        assert not actions(operator)

    perform(stage, script)


def test_a_colour_that_nobody_knows_is_none(stage: Afternoon) -> None:
    """Metadata may be of another version, or written by hand."""
    odd = {"coder-x7k2p": "ultramarine", "writer-m3n8q": "bold red on blue", "reviewer-w4t9z": "\x1b[31m"}
    for identity, color in odd.items():
        metadata = stage.world.state.read(identity)
        stage.world.state.update(evolve(metadata, label=f"hull {identity}", color=color))

    async def script(operator: Operator) -> None:
        assert all(f"hull {identity}" in operator.screen for identity in odd)

    perform(stage, script, size=(120, 40))


def actions(operator: Operator) -> list[object]:
    """What clicks on the screen would do beyond what widgets do themselves."""
    metas = [segment.style.meta for segment in drawn(operator.app) if segment.style is not None]
    return [meta["@click"] for meta in metas if "@click" in meta and "quit" in str(meta["@click"])]

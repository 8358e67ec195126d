"""What a new bottle is called: who is asked, when, and what an answer comes to."""

import pytest
from attrs import evolve

from bottle.adapters.fake.operator import FakeOperator
from bottle.app.naming import named
from bottle.app.prepare import Wanted
from bottle.domain.errors import NotFoundError, UsageError
from tests.app.conftest import Stage

LABEL = "bottle: agent label [coder]: "
COLOR = "bottle: color (red/green/blue/... or Enter to skip): "


def called(stage: Stage, *lines: str, wanted: Wanted | None = None) -> tuple[str | None, str | None, list[str]]:
    """Label and colour as these answers make them, and what was asked."""
    operator = FakeOperator(lines=lines)
    found = named(evolve(stage.world, operator=operator), wanted or Wanted("coder"))
    return found.label, found.color, operator.asked


@pytest.mark.parametrize(
    ("lines", "label", "color"),
    [
        (["mend the port", "green"], "mend the port", "green"),
        (["", ""], "coder", None),
        ([" lábel ", " Bright-Cyan "], "lábel", "bright-cyan"),
        (["x" * 64, "mauve"], "x" * 64, None),
        ([], None, None),
    ],
)
def test_an_answer_is_taken_as_it_is_meant(
    stage: Stage, lines: list[str], label: str | None, color: str | None
) -> None:
    """Enter takes the agent's name and no colour; what is no colour is none; a terminal that ends says nothing."""
    assert called(stage, *lines) == (label, color, [LABEL, COLOR])


@pytest.mark.parametrize(
    ("line", "fault"),
    [("é" * 33, "at most 64 bytes"), ("a\x1b[2Jb", "printable"), ("a\tb", "printable"), ("\udcff", "printable")],
)
def test_a_label_that_cannot_be_is_asked_for_again(stage: Stage, line: str, fault: str) -> None:
    label, _, asked = called(stage, line, "port", "")
    assert label == "port"
    assert fault in asked[1]
    with pytest.raises(UsageError, match="no label after 3 tries"):
        called(stage, line, line, line)


def test_what_the_command_line_says_is_not_asked(stage: Stage) -> None:
    assert called(stage, "red", wanted=Wanted("coder", label="port")) == ("port", "red", [COLOR])
    assert called(stage, wanted=Wanted("coder", label="", color="")) == ("", "", [])


def test_nobody_is_asked_about_what_cannot_be(stage: Stage) -> None:
    operator = FakeOperator()
    world = evolve(stage.world, operator=operator)
    with pytest.raises(NotFoundError):
        named(world, Wanted("nobody"))
    for wrong in (Wanted("coder", label="\udcff"), Wanted("coder", color="mauve")):
        with pytest.raises(UsageError):
            named(world, wrong)
    assert operator.asked == []


def test_without_a_terminal_nobody_is_asked(stage: Stage) -> None:
    world = evolve(stage.world, operator=FakeOperator(terminal=False))
    assert named(world, Wanted("coder")) == Wanted("coder")

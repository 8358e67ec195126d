"""bottle(1) is what the program says of itself, and its examples are command lines that exist."""

import re
import shlex
import subprocess

import pytest

from bottle.cli.help import EXAMPLES, GROUPS
from bottle.cli.main import COMMANDS, app
from bottle.cli.supervise import COMMANDS as SUPERVISE
from scripts import manual
from tests.docs.test_documents import commands, options
from tests.support.requirements import require


def test_the_page_is_what_the_script_makes_of_the_help() -> None:
    assert manual.page() == manual.PAGE.read_text(), "`make man` writes it"


def test_every_command_stands_in_the_page_and_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted([*COMMANDS, "supervise"])
    sections = [line.split()[2] for line in manual.page().splitlines() if line.startswith(".SS bottle ")]
    assert sorted(set(sections)) == sorted(grouped)


def test_examples_stand_with_their_own_command_alone() -> None:
    """`supervise list` is another command than `list`."""
    assert manual.page().count("\nbottle list\n") == 1


def test_a_reader_of_manuals_understands_the_page() -> None:
    """mandoc judges what man(7) means. The page has no date: it would be another one with each day it is made."""
    require("mandoc")
    lint = ["mandoc", "-T", "lint", "-W", "warning", str(manual.PAGE)]
    said = subprocess.run(lint, capture_output=True, text=True, check=False).stdout.splitlines()
    assert [line for line in said if "missing date" not in line] == []
    shown = subprocess.run(["mandoc", "-T", "utf8", str(manual.PAGE)], capture_output=True, text=True, check=True)
    assert "--keep-workspace" in shown.stdout


@pytest.mark.parametrize("line", [line for shown in EXAMPLES.values() for line, _ in shown])
def test_every_example_is_a_command_with_its_options(line: str) -> None:
    (words,) = commands(f"```\n{line.removeprefix('source <(').rstrip(')')}\n```")
    used, known = options(words)
    assert set(used) <= known
    assert shlex.split(line)


@pytest.mark.parametrize("name", ["", *COMMANDS, "supervise", *(f"supervise {name}" for name in SUPERVISE)])
def test_help_is_whole_in_a_terminal_of_80_columns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is cut off, nothing is wider, and an example can be copied."""
    app(args=[*name.split(), "--help"], prog_name="bottle", standalone_mode=False)
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert [line for line in shown.splitlines() if re.search(r"[a-z]\.\.\.$", line)] == []
    assert all(line in shown for line, _ in EXAMPLES.get(name or "bottle", ()))

"""The operator's editor is the one that they named, over a file that is gone afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bottle.adapters.editor import TerminalEditor
from bottle.domain.errors import UsageError
from tests.support.boxes import wait_until

IDENTITY = "coder-aaaaa"

ADDING = f"""{sys.executable} -c "import sys, pathlib; path = pathlib.Path(sys.argv[1]); \
pathlib.Path('%s').write_text(str(path.stat().st_mode & 0o777) + ' ' + str(path.parent.stat().st_mode & 0o777)); \
path.write_text(path.read_text() + 'more')\""""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / IDENTITY).mkdir()
    return tmp_path


def test_what_was_typed_comes_back_and_nothing_stays(state: Path) -> None:
    seen = state / "seen"
    editor = TerminalEditor({"VISUAL": ADDING % seen, "EDITOR": "false"}, state)
    assert editor.edit("host: example.org\n", IDENTITY) == "host: example.org\nmore"
    assert seen.read_text().split()[1] == str(0o700), "the folder is the owner's alone"
    assert list((state / IDENTITY).iterdir()) == []


def test_what_a_killed_one_left_is_the_bottles_and_goes_with_the_next(state: Path) -> None:
    """The operator's terminal goes, and with it the command while its editor is open."""
    is_open = state / "open"
    variables = {"EDITOR": f"sh -c 'touch {is_open}; sleep 600'"}
    lines = f"""
from pathlib import Path
from bottle.adapters.editor import TerminalEditor
TerminalEditor({variables}, Path({str(state)!r})).edit("x", {IDENTITY!r})
"""
    command = subprocess.Popen([sys.executable, "-c", lines], start_new_session=True)
    wait_until(is_open.exists, 60, "no editor was opened")
    os.killpg(command.pid, signal.SIGKILL)
    command.wait(60)
    (left,) = (state / IDENTITY).iterdir()
    assert (left / "answer.txt").read_text() == "x"
    TerminalEditor({"EDITOR": "true"}, state).edit("y", IDENTITY)
    assert list((state / IDENTITY).iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"EDITOR": "false"}, "ended with status 1"),
        ({"EDITOR": "/nonexistent/editor"}, "cannot be run"),
        ({"EDITOR": "'"}, "is no command"),
        ({"EDITOR": "rm"}, "cannot be read"),
    ],
)
def test_an_editor_that_fails_is_no_answer(variables: dict[str, str], says: str, state: Path) -> None:
    with pytest.raises(UsageError, match=says):
        TerminalEditor(variables, state).edit("host: example.org\n", IDENTITY)

"""The operator's editor is the one that they named, over a file that is gone afterwards."""

import sys
from pathlib import Path

import pytest

from bottle.adapters.editor import TerminalEditor
from bottle.domain.errors import UsageError

ADDING = f"""{sys.executable} -c "import sys, pathlib; path = pathlib.Path(sys.argv[1]); \
pathlib.Path('%s').write_text(str(path.stat().st_mode & 0o777) + ' ' + str(path.parent.stat().st_mode & 0o777)); \
path.write_text(path.read_text() + 'more')\""""


def test_what_was_typed_comes_back_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    seen = tmp_path / "seen"
    editor = TerminalEditor({"VISUAL": ADDING % seen, "EDITOR": "false"})
    assert editor.edit("host: example.org\n") == "host: example.org\nmore"
    assert seen.read_text().split()[1] == str(0o700), "the folder is the owner's alone"
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"EDITOR": "false"}, "ended with status 1"),
        ({"EDITOR": "/nonexistent/editor"}, "cannot be run"),
        ({"EDITOR": "'"}, "is no command"),
        ({"EDITOR": "rm"}, "cannot be read"),
    ],
)
def test_an_editor_that_fails_is_no_answer(variables: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        TerminalEditor(variables).edit("host: example.org\n")

"""Calling the operator: the command gets all of it on its standard input, and the agent's words are in no argument."""

import json
import os
import stat
from pathlib import Path

import pytest

from bottle.adapters.notify import OperatorNotifier
from bottle.domain.supervise import Asked, EgressWish, Proposal

WORDS = "$(touch owned) --help 'quoted' \"twice\"\nsecond line"
ASKED = Asked(Proposal("aaaaaaaa", "coder-abc12", 1.0, WORDS, EgressWish("pypi.org", "/simple", ("GET",))))


def _program(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_command_reads_the_proposal(tmp_path: Path) -> None:
    program = _program(tmp_path, "call me", f'printf "%s|" "$@" > {tmp_path}/arguments', f"cat > {tmp_path}/told")
    notifier = OperatorNotifier({"BOT_BOTTLE_NOTIFY": f"'{program}' --to phone"})
    assert notifier.notify(ASKED) == []
    told = json.loads((tmp_path / "told").read_text())
    assert (told["id"], told["identity"], told["kind"], told["why"]) == (
        "aaaaaaaa",
        "coder-abc12",
        "egress-block",
        WORDS,
    )
    assert told["approve"] == "bottle supervise approve aaaaaaaa"
    assert (tmp_path / "arguments").read_text() == "--to|phone|"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/not/there", "cannot be run"),
        ("'unclosed", "cannot be run"),
        ("false", "status 1"),
    ],
)
def test_a_command_that_fails_is_said(command: str, says: str) -> None:
    (complaint,) = OperatorNotifier({"BOT_BOTTLE_NOTIFY": command}).notify(ASKED)
    assert complaint.startswith("BOT_BOTTLE_NOTIFY: ")
    assert says in complaint


def test_without_a_command_and_a_desktop_nothing_happens() -> None:
    assert OperatorNotifier({}).notify(ASKED) == []


def test_the_desktop_is_told_without_the_agents_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification's text may hold markup that the desktop obeys."""
    _program(tmp_path, "notify-send", f'printf "%s|" "$@" > {tmp_path}/arguments')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert OperatorNotifier({"DISPLAY": ":0"}).notify(ASKED) == []
    arguments = (tmp_path / "arguments").read_text()
    assert "coder-abc12 asks" in arguments
    assert "bottle supervise show aaaaaaaa" in arguments
    assert "touch owned" not in arguments

"""What is said to terminals of every kind: one that obeys, one that only shows lines, one that lacks letters."""

import io
import subprocess
import sys

import pytest

from bottle.cli import asked, echo
from bottle.cli.progress import TalkingProgress
from bottle.domain.supervise import Asked, EgressWish, Proposal

from .conftest import CommandLine

PROPOSAL = Proposal("aaaaaaaa", "coder-00001", 0.0, "", EgressWish("pypi.org"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def talked(patch: pytest.MonkeyPatch, kind: str) -> str:
    """What a terminal of the kind gets of a step with details, and of a call."""
    terminal = Terminal()
    patch.setattr("sys.stderr", terminal)
    patch.setenv("TERM", kind)
    patch.setenv("COLUMNS", "40")
    progress = TalkingProgress()
    progress.step("building an image")
    progress.detail("step 1 of 漢字漢字漢字" * 20)
    progress.step("starting")
    asked.call(Asked(PROPOSAL))
    return terminal.getvalue()


def test_a_terminal_that_obeys_shows_one_detail_over_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = "  step 1 of 漢字漢字漢字step 1 of 漢字"  # 39 columns are free, and each of these letters takes two
    called = "\a\033]0;bottle: coder-00001 asks\a"
    said = f"bottle: building an image\n{detail}\r\x1b[Kbottle: starting\n{called}"
    assert talked(monkeypatch, "xterm") == said


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_one_that_only_shows_lines_gets_lines_and_the_bell(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A voice would read the rest out."""
    assert talked(monkeypatch, kind) == "bottle: building an image\nbottle: starting\n\a"


def test_a_letter_that_the_encoding_lacks_is_no_reason_to_fail(bottle: CommandLine) -> None:
    bottle.write("agents/writer", "---\nbottle: claude\ngit:\n  user:\n    name: Zoë\n---\n")
    told = bottle("info", "writer", PYTHONIOENCODING="ascii")
    assert (told.status, "commits as  Zo\\xeb (agent)" in told.out) == (0, True), told.err


FORGED = b"bottle: egress: 0 requests, 0 refused\n\n" + b"x" * 38 + b"bottle: pushed\x1b[2J\r\nbottle: it"


@pytest.mark.parametrize("width", [None, 40])
def test_an_agents_line_passes_for_none_of_bottles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int | None
) -> None:
    monkeypatch.setattr(echo, "terminal_width", lambda _: width)
    with echo.Echo() as heard:
        for at in range(0, len(FORGED), 7):
            heard.show(FORGED[at : at + 7])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "| bottle: egress: 0 requests, 0 refused"
    assert all(line.startswith("| ") or line == "|" for line in lines)
    assert all(len(line) <= (width or 80) for line in lines), "nothing is wider than the screen, and begins anew there"
    assert not set("".join(lines)) & set("\x1b\r")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_lead_nowhere_and_change_no_status(closed: str, bottle: CommandLine) -> None:
    """A real start, as of a daemon's: no file that the command opens becomes one of its streams."""
    begin = "from bottle.cli.program import main; main()"
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", begin, "run", "nobody", "a task"]
    done = subprocess.run(words, env=bottle.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 104
    assert ("nobody" in done.stderr) == ("2>&-" not in closed)

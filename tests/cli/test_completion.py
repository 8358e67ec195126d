"""Completion: what may come next is said at once, by names alone, in the real shells."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.state.store import StateFiles
from bottle.cli.completing import complete
from bottle.cli.main import COMMANDS, app
from bottle.cli.supervise import COMMANDS as SUPERVISE
from bottle.domain.state import Metadata
from tests.support.bottle_cli import program
from tests.support.requirements import require
from tests.support.tmux import terminal

RUNS = Metadata("coder-aaaaa", "coder", "claude", "docker", "2026-01-01T00:00:00Z")
ENDED = evolve(RUNS, identity="coder-zzzzz", ended_at="2026-01-02T00:00:00Z")
SCRIPTS = Path(__file__).parents[2] / "src/bottle/cli/completions"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two agents whose files nobody could read to an end, a bottle that runs and one that has ended; a repository with
    an agent of its own."""
    home, repository = tmp_path / "home", tmp_path / "repository"
    for folder in (home / "agents", repository / ".bot-bottle/agents", repository / ".git"):
        folder.mkdir(parents=True)
    for name in ("coder", "cook"):
        os.mkfifo(home / "agents" / f"{name}.md")
    (repository / ".bot-bottle/agents/guest.md").write_text("no manifest at all")
    state = StateFiles(home / "state")
    state.claim(RUNS)
    state.claim(ENDED)
    monkeypatch.setenv("BOT_BOTTLE_HOME", str(home))
    monkeypatch.chdir(repository)
    return home


def offered(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The words that are offered, without what they are about."""
    capsys.readouterr()
    assert complete(app, words) == 0
    return [line.partition("\t")[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], [*COMMANDS, "supervise"]),
        (["sta"], ["start"]),
        (["supervise", ""], [*SUPERVISE]),
        (["start", ""], ["coder", "cook", "guest"]),
        (["start", "c"], ["coder", "cook"]),
        (["run", "c"], ["coder", "cook"]),
        (["start", "coder", "--ba"], ["--backend"]),
        (["start", "coder", "--backend", "b"], ["bubblewrap"]),
        (["start", "coder", "--backend=b"], ["--backend=bubblewrap"]),
        (["start", "coder", "--backend", "=", "b"], ["bubblewrap"]),
        (["start", "coder", "--backend", "="], ["docker", "smolmachines", "bubblewrap"]),
        (["start", "coder", "--color", "bright-c"], ["bright-cyan"]),
        (["attach", ""], ["coder-aaaaa"]),
        (["exec", ""], ["coder-aaaaa"]),
        (["stop", ""], ["coder-aaaaa"]),
        (["resume", ""], ["coder-zzzzz"]),
        (["run", "coder", "x", "--resume", ""], ["coder-zzzzz"]),
        (["logs", ""], ["coder-aaaaa", "coder-zzzzz"]),
        (["info", "co"], ["coder", "cook", "coder-aaaaa", "coder-zzzzz"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["exec", "coder-aaaaa", "--", "l"], []),
        (["nonsense", ""], [*COMMANDS, "supervise"]),
        ([], [*COMMANDS, "supervise"]),
    ],
)
def test_what_may_come_next(
    home: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str], expected: Sequence[str]
) -> None:
    assert sorted(offered(capsys, *words)) == sorted(expected)


def test_a_bottle_whose_state_is_damaged_hinders_no_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "state" / ENDED.identity / "metadata.json").write_text("{")
    assert offered(capsys, "logs", "") == [RUNS.identity]


def test_commands_and_options_are_told_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    complete(app, ["sto"])
    complete(app, ["stop", "--al"])
    assert capsys.readouterr().out == "stop\tTear bottles down.\n--all\tAll that run.\n"


def test_nothing_is_done_while_a_shell_completes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No option is obeyed and no file opened: one of these would be waited for."""
    assert offered(capsys, "--version", "attach", "") == ["coder-aaaaa"]
    assert offered(capsys, "start", "--help", "gu") == ["guest"]
    assert offered(capsys, "explain", "--body", str(home / "agents/coder.md"), "gu") == ["guest"]


def test_what_commands_are_about_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([""], ["supervise", ""]):
        complete(app, words)
    assert "..." not in capsys.readouterr().out


def test_nobody_waits_for_what_only_other_commands_need(home: Path) -> None:
    """A press of TAB is answered without what wiring composes, and without Rich."""
    script = (
        "import sys; from bottle.cli.main import run; assert run(['__complete', 'start', 'cod']) == 0\n"
        "sys.exit(' '.join({'rich', 'yaml', 'docker', 'cattrs', 'bottle.cli.wiring'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("coder\n", "", 0)


@pytest.mark.parametrize(("shell", "file"), [("bash", "bottle.bash"), ("zsh", "_bottle"), ("fish", "bottle.fish")])
def test_the_script_is_printed(capsys: pytest.CaptureFixture[str], shell: str, file: str) -> None:
    COMMANDS["completion"](shell)
    assert capsys.readouterr().out == (SCRIPTS / file).read_text()


SHELLS = {
    "bash": ["--norc", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
SETUP = {
    "bash": "PS1='> '; source {script}",
    "zsh": "PS1='> '; autoload -Uz compinit; compinit -D; source {script}",
    "fish": "function fish_prompt; echo -n '> '; end; source {script}",
}


@pytest.mark.parametrize(("shell", "file"), [("bash", "bottle.bash"), ("zsh", "_bottle"), ("fish", "bottle.fish")])
def test_a_real_shell_completes(home: Path, tmp_path: Path, shell: str, file: str) -> None:
    """TAB in a terminal: a command, an agent, an option and its value; a word that is quoted; a file where none of ours
    can be meant. What is called `bottle` in the directory is not run."""
    require("tmux")
    require(shell)
    trap = Path.cwd() / "bottle"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    trap.chmod(0o755)
    path = f"{Path(program()[0]).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    found = shutil.which(shell)
    assert found is not None
    with terminal(tmp_path, [found, *SHELLS[shell]], environment) as window:
        window.type(SETUP[shell].format(script=SCRIPTS / file), "Enter")
        window.type("clear", "Enter")
        window.wait_for(lambda screen: screen.strip() == ">")
        window.type("./bottle sta", "Tab", "C-u")
        window.type("bottle sta", "Tab")
        window.wait_for("> bottle start")
        window.type("gue", "Tab")
        window.wait_for("> bottle start guest")
        window.type("--back", "Tab")
        window.wait_for("> bottle start guest --backend")
        window.type("bub", "Tab")
        window.wait_for("> bottle start guest --backend bubblewrap")
        window.type("", "C-u")
        window.type("bottle run 'guest' 'a task; $(touch ran)' --la", "Tab")
        window.wait_for("--label")
        window.type("", "C-u")
        window.type("bottle export coder-z", "Tab")
        window.wait_for("> bottle export coder-zzzzz")
        window.type("--into .bot", "Tab")
        window.wait_for("--into .bot-bottle/")
    assert not (tmp_path / "ran").exists()
    assert not Path("ran").exists()

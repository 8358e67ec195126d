"""bottle run and bottle resume as scripts use them: their own failures are told apart from the agent's status."""

import json

import pytest

from tests.cli.conftest import CommandLine


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "coder", "task", "--timeout", "soon"], 102, "--timeout: 'soon' is no length of time"),
        (["run", "coder", "task", "--keep-workspace"], 102, "there is no --cwd"),
        (["run", "coder", "task", "--resume", "coder-abc12", "--cwd"], 102, "--resume takes the bottle as it was"),
        (["run", "coder", "task", "--resume", "coder-abc12"], 104, "no bottle is called 'coder-abc12'"),
        (["run", "nobody", "task"], 104, "nobody"),
        (["run", "coder", "task", "--backend", "docker"], 105, "no Docker engine answers"),
        (["resume", "coder-abc12", "--yes"], 104, "no bottle is called 'coder-abc12'"),
    ],
)
def test_a_failure_of_bottles_own_is_one_document(
    bottle: CommandLine, arguments: list[str], status: int, words: str
) -> None:
    told = bottle(*arguments, "--json")
    assert told.status == status
    assert words in told.json["error"]["message"]
    assert list((bottle.home / "state").glob("*")) == []


def test_a_dry_run_says_what_would_be_kept_and_lost(bottle: CommandLine) -> None:
    lost = bottle("start", "coder", "--cwd", "--dry-run", STAGING_BASE="x")
    kept = bottle("start", "coder", "--cwd", "--keep-workspace", "--dry-run", STAGING_BASE="x")
    assert "what is not pushed is gone at the end" in lost.out
    assert "gone at the end" not in kept.out


def test_a_state_that_is_damaged_is_told_and_not_started_over(bottle: CommandLine) -> None:
    state = bottle.home / "state" / "coder-abc12"
    state.mkdir(parents=True)
    (state / "metadata.json").write_text(json.dumps({"identity": "coder-zzzzz"}))
    told = bottle("run", "coder", "task", "--resume", "coder-abc12", "--json")
    assert (told.status, told.json["error"]["code"]) == (109, "conflict")
    assert "about another identity" in told.json["error"]["message"]

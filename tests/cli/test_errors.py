"""Errors: one line, a hint where there is a remedy, the status of docs/exit-status.md, JSON where it was asked for."""

import re
from pathlib import Path

import pytest

from bottle.cli.environment import environment_from
from bottle.cli.main import run
from bottle.domain import errors
from bottle.domain.hosts import Authority
from bottle.domain.upstream_proxy import UpstreamProxy
from tests.cli.conftest import CommandLine
from tests.support.requirements import require

DOCUMENT = Path(__file__).parents[2] / "docs" / "exit-status.md"


@pytest.mark.parametrize(
    ("arguments", "status", "says", "hint"),
    [
        (["strt"], 2, "no such command 'strt'", "`bottle --help`"),
        (["list", "--al"], 2, "no such option", "`bottle list --help`"),
        (["start"], 102, "missing", "`bottle start --help`"),
        (["start", "codr", "--yes"], 104, "no agent is called 'codr'", "did you mean 'coder'?"),
        (["info", "codr"], 4, "no agent is called 'codr'", "did you mean 'coder'?"),
        (["start", "coder", "--yes", "--color", "gren"], 102, "'gren' is no colour", "did you mean 'green'?"),
        (["start", "coder", "--yes", "--label", "x" * 65], 102, "at most 64 bytes", None),
        (
            ["start", "coder", "--yes", "--backend", "dokcer"],
            105,
            "no backend is called 'dokcer'",
            "did you mean 'docker'?",
        ),
        (
            ["start", "coder", "--yes", "--backend", "smolmachines"],
            105,
            "there is no smolvm on the PATH",
            "install it",
        ),
        (["start", "coder", "--yes", "--backend", "docker"], 105, "docker: ", "Docker"),
        (["explain", "coder", "ftp://x/"], 2, "no http or https URL", "write it whole"),
        (["explain", "coder", "https://0x7f.1/"], 2, "refused as it stands", None),
        (["attach", "coder-aaaaa"], 104, "no bottle is called 'coder-aaaaa'", "bottle list"),
        (["exec", "coder-aaaaa", "--", "true"], 104, "no bottle is called 'coder-aaaaa'", "bottle list"),
        (["logs", "coder-aaaaa"], 4, "no bottle is called 'coder-aaaaa'", "bottle list"),
        (["logs", "../../etc"], 4, "no bottle is called", None),
        (["stop"], 2, "name the bottles to stop", "bottle list"),
        (["stop", "coder-aaaaa"], 4, "no bottle is called", None),
        (["cleanup", "coder-aaaaa"], 4, "nothing is left of coder-aaaaa", None),
        (["init", "Coder"], 2, "'Coder' is no agent's name", "lower-case"),
    ],
)
def test_an_error_says_what_and_what_helps(
    bottle: CommandLine, arguments: list[str], status: int, says: str, hint: str | None
) -> None:
    told = bottle(*arguments)
    assert told.status == status, told.err
    lines = told.err.splitlines()
    message = next(line for line in lines if line.startswith("bottle: error: "))
    assert says in message
    assert "Traceback" not in told.err
    if hint is not None:
        assert hint in "\n".join(line for line in lines if line.startswith("hint: "))


def test_a_broken_manifest_is_pointed_at(bottle: CommandLine) -> None:
    bottle.write("bottles/claude", "---\nagent_provider: {template: claude}\negres:\n  routes: []\n---\n")
    told = bottle("info", "coder")
    assert told.status == 3
    assert re.search(r"bottles/claude\.md:3:1: egres: unknown key\nhint: did you mean 'egress'\?", told.err)


def test_an_error_as_json_is_one_document(bottle: CommandLine) -> None:
    told = bottle("info", "codr", "--json")
    assert told.json == {
        "error": {"code": "not-found", "message": "no agent is called 'codr'", "hint": "did you mean 'coder'?"}
    }
    assert told.status == 4


def test_without_a_terminal_nobody_is_asked(bottle: CommandLine) -> None:
    bottle.write("agents/coder", "---\nbottle: claude\n---\n")
    told = bottle("cleanup", "--json")
    assert told.json == {"plan": [], "removed": []}


def test_a_certificate_file_that_holds_none_is_refused(bottle: CommandLine, tmp_path: Path) -> None:
    require("bubblewrap")
    empty = tmp_path / "roots.pem"
    empty.write_text("not a certificate")
    told = bottle("start", "coder", "--yes", BOT_BOTTLE_UPSTREAM_CA=str(empty))
    assert told.status == 102
    assert "BOT_BOTTLE_UPSTREAM_CA" in told.err
    assert bottle("stop", "--all", BOT_BOTTLE_UPSTREAM_CA=str(empty), BOT_BOTTLE_BUILD_CA=str(empty)).status == 0


def test_an_upstream_proxy_is_shown_without_its_credential_and_refused_without_quoting_it(bottle: CommandLine) -> None:
    shown = bottle("start", "coder", "--dry-run", BOT_BOTTLE_UPSTREAM_PROXY="http://sam:hush-9@proxy.corp:3128")
    bad = bottle("start", "coder", "--dry-run", BOT_BOTTLE_UPSTREAM_PROXY="https://sam:hush-9@proxy.corp")
    assert "the proxy proxy.corp:3128" in shown.out
    assert bad.status == 102
    assert "BOT_BOTTLE_UPSTREAM_PROXY: a URL of the form" in bad.err
    assert not any("hush-9" in told.out + told.err for told in (shown, bad))


def test_the_hosts_own_proxy_is_taken_on_purpose_alone() -> None:
    host = {"HTTPS_PROXY": "http://sam:hush-9@other.corp:8080"}
    assert environment_from(host).upstream_proxy() is None
    named = environment_from({**host, "BOT_BOTTLE_UPSTREAM_PROXY": "env"})
    assert named.upstream_proxy() == UpstreamProxy(Authority("other.corp", 8080), "sam:hush-9")
    with pytest.raises(errors.UsageError, match="HTTPS_PROXY, which is not set"):
        environment_from({"BOT_BOTTLE_UPSTREAM_PROXY": "env"}).upstream_proxy()


def test_every_error_has_a_code_and_a_documented_status() -> None:
    table = DOCUMENT.read_text()
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    classes = [cls for cls in found if issubclass(cls, errors.BottleError)]
    codes = [cls.code for cls in classes]
    assert len(codes) == len(set(codes))
    for cls in classes:
        row = next(line for line in table.splitlines() if f"`{cls.code}`" in line)
        assert row.startswith(f"| {cls.exit_status} |")


def test_the_dashboard_needs_a_terminal_and_says_what_needs_none(bottle: CommandLine) -> None:
    told = bottle("dashboard", TERM="xterm-256color")
    assert (told.status, told.out) == (2, "")
    assert "the dashboard needs a terminal" in told.err
    assert "`bottle list` and `bottle supervise` need none" in told.err


def test_a_command_without_its_agent_tells_which_there_are(bottle: CommandLine) -> None:
    assert "hint: agents here: coder\n" in bottle("start").err
    assert "hint: `bottle init` writes a first bottle and agent\n" in bottle("info", BOT_BOTTLE_HOME="/nowhere").err


@pytest.mark.parametrize(
    ("command", "status"),
    [("list", 2), ("export coder-aaaaa", 2), ("start coder --cwd --yes", 102), ("run coder task --cwd", 102)],
)
def test_a_directory_that_is_gone_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str, status: int
) -> None:
    """As of a job that was begun where somebody has cleaned up since."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setenv("BOT_BOTTLE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(command.split()) == status
    assert capfd.readouterr().err.splitlines() == [
        "bottle: error: the current directory is not there any more",
        "hint: `cd` to one that is",
    ]

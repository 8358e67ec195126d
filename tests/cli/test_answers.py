"""What the commands answer without an engine: results on stdout, talk on stderr, never a secret value."""

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bottle.adapters.bubblewrap import pins
from tests.cli.conftest import TOKEN, CommandLine
from tests.support.host_tree import placed
from tests.support.requirements import require
from tests.support.secret_rules import lend


def test_help_names_every_command(bottle: CommandLine) -> None:
    told = bottle("--help")
    assert told.status == 0
    commands = ["start", "attach", "exec", "stop", "list", "info", "explain", "logs", "cleanup", "doctor", "init"]
    for command in [*commands, "supervise"]:
        assert f"\n  {command} " in told.out


def test_no_command_at_all_prints_the_help(bottle: CommandLine) -> None:
    assert bottle().out == bottle("--help").out


def test_version(bottle: CommandLine) -> None:
    assert bottle("--version").out.startswith("bottle 0.")


def test_a_dry_run_prints_the_plan_and_touches_nothing(
    bottle: CommandLine, snapshot: Callable[[Path], dict[str, bytes]]
) -> None:
    before = snapshot(bottle.home)
    told = bottle("start", "coder", "--dry-run")
    assert told.status == 0
    assert "--dangerously-skip-permissions" in told.out
    assert re.search(r"https://api\.example\.com:443 +GET +/v1 +no credential +scanned", told.out)
    assert snapshot(bottle.home) == before


def test_a_plan_as_json_is_whole_and_holds_no_secret(bottle: CommandLine) -> None:
    told = bottle("start", "coder", "--dry-run", "--json", "--label", "night shift", "--", "-p", "do it")
    plan = told.json
    assert plan["argv"][-2:] == ["-p", "do it"]
    assert plan["label"] == "night shift"
    assert plan["slots"] == [
        {"name": "EGRESS_TOKEN_0", "token_ref": "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN", "available": True}
    ]
    assert plan["identity"].startswith("coder-")
    assert TOKEN not in told.out + told.err


def test_info_tells_every_key_that_scripts_rely_on(bottle: CommandLine) -> None:
    info = bottle("info", "coder", "--json", BOT_BOTTLE_BACKEND="docker").json
    assert info["chain"] == ["claude"]
    assert info["backend"] == "docker"
    assert info["git_identity"] == {"name": "sam", "email": "", "name_source": "agent", "email_source": ""}
    assert {"name": "BASE", "source": "host", "from": "STAGING_BASE"} in info["env"]
    listed, provided = info["egress"]
    assert (listed["host"], listed["methods"], listed["paths"], listed["auth"]) == (
        "api.example.com",
        ["GET"],
        ["/v1"],
        None,
    )
    assert provided["auth"]["token_ref"] == "BOT_BOTTLE_CLAUDE_OAUTH_TOKEN"
    assert {"host", "ports", "methods", "paths", "auth", "scan", "private_ips", "source"} <= listed.keys()
    assert info["supervise"] is False


def test_info_for_a_person_names_sources_and_what_is_not_set(bottle: CommandLine) -> None:
    told = bottle("info", "coder", BOT_BOTTLE_CLAUDE_OAUTH_TOKEN="")
    assert "sam (agent)" in told.out
    assert "BASE (host: STAGING_BASE)" in told.out
    assert "from BOT_BOTTLE_CLAUDE_OAUTH_TOKEN (NOT SET)" in told.out


@pytest.mark.parametrize(
    ("url", "method", "allowed", "rule"),
    [
        ("https://api.example.com/v1/x", "GET", True, "route"),
        ("https://api.example.com/v1", "POST", False, "method.unlisted"),
        ("https://api.example.com/v2", "GET", False, "path.unlisted"),
        ("https://api.example.com:8443/v1", "GET", False, "port.unlisted"),
        ("http://api.example.com/v1", "GET", False, "scheme.unlisted"),
        ("https://evil.example/", "GET", False, "host.unlisted"),
        ("https://api.example.com/v1/r.git/git-receive-pack", "POST", False, "git.push"),
    ],
)
def test_explain_gives_the_verdict_of_the_way_out(
    bottle: CommandLine, url: str, method: str, allowed: bool, rule: str
) -> None:
    answer = bottle("explain", "coder", url, "--method", method, "--json").json
    assert (answer["allowed"], answer["rule"]) == (allowed, rule)
    assert answer["reason"]


def test_explain_names_what_would_be_put_in(bottle: CommandLine) -> None:
    answer = bottle("explain", "coder", "https://api.anthropic.com/v1/messages", "--json").json
    assert answer["inject"] == {"header": "authorization", "scheme": "Bearer", "slot": "EGRESS_TOKEN_0"}


def test_listing_nothing_is_an_empty_array(bottle: CommandLine) -> None:
    assert bottle("list", "--json").json == []
    assert bottle("list", "--all", "--json").json == []


def test_cleaning_up_nothing_says_so(bottle: CommandLine) -> None:
    told = bottle("cleanup", "--yes")
    assert (told.status, told.err) == (0, "nothing was left over\n")


def test_init_writes_first_manifests_once(bottle: CommandLine, tmp_path: Path) -> None:
    fresh = {"BOT_BOTTLE_HOME": str(tmp_path / "fresh")}
    first = bottle("init", "--for", "claude", "--json", **fresh).json
    assert [Path(path).name for path in first["written"]] == ["claude.md", "coder.md"]
    assert bottle("init", "--for", "claude", "--json", **fresh).json == {"written": []}
    assert bottle("info", "coder", **fresh).status == 0


def test_what_init_marks_as_ready_is_ready(bottle: CommandLine, tmp_path: Path) -> None:
    """The signs are taken away, as the files say, and nothing else is touched."""
    fresh = {"BOT_BOTTLE_HOME": str(tmp_path / "fresh")}
    written = bottle("init", "--for", "claude", "--json", **fresh).json["written"]
    signs = re.compile(r"^# ( *(?:egress:|routes:|- host:|methods:|git:|user:))", re.MULTILINE)
    for path in map(Path, written):
        path.write_text(signs.sub(r"\1", path.read_text()))
    told = bottle("info", "coder", "--json", **fresh).json
    assert told["git_identity"]["email"] == "me@example.com"
    assert [route["host"] for route in told["egress"]] == ["api.github.com", "api.anthropic.com"]


def test_init_writes_manifests_for_the_programs_that_are_used_here(bottle: CommandLine, tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / ".codex").mkdir(parents=True)
    found = {"BOT_BOTTLE_HOME": str(tmp_path / "found"), "HOME": str(user), "PATH": str(tmp_path)}
    written = [Path(path).name for path in bottle("init", "--json", **found).json["written"]]
    assert written == ["codex.md", "coder.md"]
    (user / ".claude").mkdir()
    more = {**found, "BOT_BOTTLE_HOME": str(tmp_path / "more")}
    told = bottle("init", **more)
    assert [Path(line).name for line in told.out.splitlines()] == [
        "claude.md",
        "coder.md",
        "codex.md",
        "coder-codex.md",
    ]
    assert "claude setup-token" in told.err
    assert "codex login --device-auth" in told.err
    plan = bottle("info", "coder-codex", "--json", **more).json
    assert plan["provider"] == "codex"
    assert any("nobody is logged in to Codex here" in note for note in plan["notes"])


def test_init_for_a_program_that_is_not_known_names_those_that_are(bottle: CommandLine) -> None:
    told = bottle("init", "--for", "codx")
    assert told.status == 2
    assert "did you mean 'codex'?" in told.err


def test_doctor_names_the_remedy_of_a_login(bottle: CommandLine, tmp_path: Path) -> None:
    bottle.write("bottles/codex", "---\nagent_provider: {template: codex, forward_host_credentials: true}\n---\n")
    bottle.write("agents/mender", "---\nbottle: codex\n---\n")
    told = bottle("doctor", "--json", CODEX_HOME=str(tmp_path))
    found = next(one for one in told.json if (one["topic"], one["subject"]) == ("agent", "mender"))
    assert (told.status, found["ok"]) == (1, False)
    assert "nobody is logged in to Codex here" in found["detail"]
    assert "codex login --device-auth" in found["hint"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_dockerfile_in_the_working_tree_is_used_only_where_that_is_meant(
    bottle: CommandLine, tmp_path: Path, linked: bool
) -> None:
    (bottle.directory / ".git").mkdir()
    recipe = bottle.directory / "Dockerfile"
    recipe.write_text("FROM scratch\n")
    if linked:
        (tmp_path / "link").symlink_to(bottle.directory)
        recipe = tmp_path / "link/Dockerfile"
    provider = f"template: claude, dockerfile: {recipe}"
    bottle.write("bottles/own", f"---\nagent_provider: {{{provider}}}\n---\n")
    bottle.write("agents/own", "---\nbottle: own\n---\n")
    told = bottle("info", "own")
    assert told.status == 3
    assert "lies in the working tree" in told.err
    bottle.write("bottles/own", f"---\nagent_provider: {{{provider}, dockerfile_from_tree: true}}\n---\n")
    assert "lies in the working tree" not in bottle("info", "own").err


def test_doctor_names_each_remedy(bottle: CommandLine) -> None:
    told = bottle("doctor", "--json", BOT_BOTTLE_BACKEND="docker")
    findings = {(finding["topic"], finding["subject"]): finding for finding in told.json}
    assert told.status == 1
    for subject in (("backend", "docker"), ("agent", "coder")):
        assert findings[subject]["ok"] is False
        assert "no Docker engine" in findings[subject]["detail"]
        assert findings[subject]["hint"]


@pytest.mark.parametrize(
    ("said", "release", "hangs"),
    [
        ("runsc version 0.0~20221219.0\nspec: 1.0.2-dev", "20221219", True),
        ("runsc version release-20240729.0\nspec: 1.1.0-rc.1", "20240729", False),
        ("who knows", "", False),
    ],
)
def test_doctor_warns_of_a_gvisor_behind_which_agents_stand_still(
    bottle: CommandLine, tmp_path: Path, said: str, release: str, hangs: bool
) -> None:
    placed(tmp_path / "bin/runsc", f"#!/bin/sh\necho '{said}'\n".encode())
    told = bottle("doctor", "--json", PATH=f"{tmp_path}/bin{os.pathsep}{bottle.environment['PATH']}")
    found = [one for one in told.json if one["subject"] == "gvisor"]
    assert [one["detail"].split()[1] for one in found] == ([release] if release else [])
    assert [bool(one["hint"]) for one in found] == ([hangs] if release else [])


def test_doctor_tells_releases_and_how_long_a_login_lasts(bottle: CommandLine, tmp_path: Path) -> None:
    require("bubblewrap")
    end = base64.urlsafe_b64encode(json.dumps({"exp": 4102444800}).encode()).rstrip(b"=").decode()
    tokens = {"id_token": "e30.e30.x", "access_token": f"e30.{end}.x", "account_id": "a"}
    (tmp_path / "auth.json").write_text(json.dumps({"tokens": tokens}))
    bottle.write("bottles/codex", "---\nagent_provider: {template: codex, forward_host_credentials: true}\n---\n")
    bottle.write("agents/mender", "---\nbottle: codex\n---\n")
    told = bottle("doctor", "--json", CODEX_HOME=str(tmp_path))
    mender = [one["detail"] for one in told.json if one["subject"] == "mender"]
    assert any("ends at 2100-01-01" in detail for detail in mender)
    stands = ("is there", "will be made ready at the first start")
    image = next(detail for detail in mender if detail.startswith("codex ") and detail.endswith(stands))
    assert "(host's " in image or pins.version("codex") in image
    assert f"e30.{end}.x" not in told.out + told.err


def test_doctor_is_content_where_another_backend_can_start_every_agent(bottle: CommandLine) -> None:
    require("bubblewrap")
    told = bottle("doctor", "--json")
    findings = {(finding["topic"], finding["subject"]): finding for finding in told.json}
    assert (told.status, findings["backend", "docker"]["ok"]) == (0, False)
    assert findings["backend", "bubblewrap"]["ok"]
    assert "on bubblewrap" in findings["agent", "coder"]["detail"]
    standings = {line.split()[0] for line in bottle("doctor").out.splitlines() if not line.startswith(" ")}
    assert standings == {"absent", "ok"}, "who has namespaces misses no engine"


def test_doctor_passes_over_nothing_that_is_broken(bottle: CommandLine) -> None:
    bottle.write("agents/broken", "---\nbotle: claude\n---\n")
    findings = bottle("doctor", "--json").json
    broken = next(finding for finding in findings if finding["subject"] == "broken")
    assert "botle: unknown key" in broken["detail"]
    assert broken["hint"] == "did you mean 'bottle'?"


def test_a_repository_cannot_bring_a_bottle(bottle: CommandLine) -> None:
    (bottle.directory / ".git").mkdir()
    bottles = bottle.directory / ".bot-bottle" / "bottles"
    bottles.mkdir(parents=True)
    (bottles / "claude.md").write_text("---\nagent_provider: {template: claude}\n---\n")
    told = bottle("info", "coder", "--json")
    assert "warning" in told.err
    assert [route["host"] for route in told.json["egress"]] == ["api.example.com", "api.anthropic.com"]


@pytest.fixture
def with_rules(bottle: CommandLine) -> CommandLine:
    """The rules are compiled already."""
    lend(bottle.home)
    return bottle


def _explained(bottle: CommandLine, body: str, *more: str) -> dict[str, Any]:
    (bottle.directory / "body").write_text(body)
    told = bottle("explain", "coder", "https://api.example.com/v1", "--body", "body", "--json", *more)
    assert told.status == 0, told.err
    assert TOKEN not in told.out + told.err
    said: dict[str, Any] = told.json["body"]
    return said


def test_explain_tells_what_the_scanner_says_to_a_body(with_rules: CommandLine) -> None:
    """By the way out's own code: the credential that a route injects is found however it is spelled."""
    said = _explained(with_rules, f'{{"note": "{TOKEN.encode().hex()}"}}')
    assert (said["scanned"], said["allowed"], said["rule"], said["place"]) == (True, False, "dlp.value", "the body")
    assert len(said["fingerprint"]) == 16
    assert _explained(with_rules, "nothing of interest")["allowed"]


def test_explain_reads_a_body_from_standard_input(with_rules: CommandLine) -> None:
    told = with_rules("explain", "coder", "https://api.example.com/v1", "--body", "-", stdin=f"it is {TOKEN}")
    assert re.search(r"^body +refused$", told.out, re.MULTILINE)
    assert TOKEN not in told.out


def test_explain_tells_of_a_body_that_is_not_there(bottle: CommandLine) -> None:
    told = bottle("explain", "coder", "https://api.example.com/v1", "--body", "nowhere")
    assert (told.status, told.err) == (2, "bottle: error: --body: nowhere: No such file or directory\n")


def test_explain_says_that_a_body_is_not_what_its_encoding_says(with_rules: CommandLine) -> None:
    assert _explained(with_rules, "plain", "--content-encoding", "gzip")["rule"] == "dlp.unreadable"

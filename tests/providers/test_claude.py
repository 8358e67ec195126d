"""What Claude Code is given. That the real program is content with it is shown end to end (tests/e2e)."""

import json
import subprocess
import tracemalloc
from typing import Any

import pytest
from attrs import evolve

from bottle.adapters.providers.claude import ClaudeProvider
from bottle.domain.errors import ManifestError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import AgentProvider, Auth, ManifestRoute
from bottle.domain.provider import NEWEST, Provision, Report, Wish

HOME = "/home/node"
API = HostPattern("api.anthropic.com")
WISH = Wish(AgentProvider("claude"), (), HOME, f"{HOME}/workspace", None)
WITH_TOKEN = AgentProvider("claude", auth_token="OAUTH")
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
}


def provision(**changes: Any) -> Provision:
    return ClaudeProvider().provision(evolve(WISH, **changes))


def config(provision: Provision) -> dict[str, Any]:
    file = provision.files[0]
    assert (file.path, file.mode, file.owner.uid) == (f"{HOME}/.claude.json", 0o600, 1000)
    found: dict[str, Any] = json.loads(file.content)
    return found


def listed(auth: Auth | None, *, host: HostPattern = API, role: str | None = None) -> tuple[ManifestRoute, ...]:
    return (ManifestRoute(host, auth=auth, role=role),)


# --- the program ---


def test_the_plain_program() -> None:
    assert provision().argv == ("claude", "--dangerously-skip-permissions")


def test_everything_at_once_in_an_order_that_claude_reads_as_meant() -> None:
    wanted = provision(prompt_path="/p.txt", remote_control=True, label="two words", arguments=("-p", "--model", "x"))
    assert wanted.argv == (
        *("claude", "--remote-control", "--dangerously-skip-permissions"),
        *("--append-system-prompt-file", "/p.txt", "--name=two words", "-p", "--model", "x"),
    )


@pytest.mark.parametrize(
    ("session", "words"), [(None, ()), (NEWEST, ("--continue",)), ("5c1a-7be0", ("--resume", "5c1a-7be0"))]
)
@pytest.mark.parametrize("headless", [True, False])
def test_a_session_is_begun_or_gone_on_with(headless: bool, session: str | None, words: tuple[str, ...]) -> None:
    wanted = provision(headless=headless, session=session, arguments=("--model", "x"))
    alone = ("--print", "--output-format", "stream-json", "--verbose") if headless else ()
    assert wanted.argv == ("claude", "--dangerously-skip-permissions", *alone, *words, "--model", "x")
    assert wanted.headless is headless


def test_it_is_told_something_first_unless_others_have_the_word() -> None:
    """A headless run has its task on standard input, and arguments may hold a prompt of their own."""
    assert provision(session=NEWEST, label="x", message="Go on.").argv[-3:] == ("--continue", "--name=x", "Go on.")
    assert "Go on." not in provision(headless=True, message="Go on.").argv
    assert "Go on." not in provision(message="Go on.", arguments=("--model", "x")).argv


def test_conversations_are_kept_and_settings_are_not() -> None:
    kept = provision().transcript
    assert f"{HOME}/.claude/projects" in kept
    assert not {f"{HOME}/.claude", f"{HOME}/.claude.json", f"{HOME}/.claude/settings.json"} & set(kept)


BEGUN = {"type": "system", "subtype": "init", "session_id": "ab-1"}


@pytest.mark.parametrize(
    ("said", "report"),
    [
        ([BEGUN, {"type": "result", "result": "Done.", "total_cost_usd": 0.25}], Report("Done.", "ab-1", 0.25)),
        ([BEGUN, {"type": "result", "subtype": "error_max_turns"}], Report("error_max_turns", "ab-1")),
        ([BEGUN, {"type": "assistant"}], Report("", "ab-1")),
        ([{"type": "result", "result": "Done.", "session_id": "--dangerous", "total_cost_usd": True}], Report("Done.")),
        ([{"type": "result", "result": "", "session_id": 5}], Report("")),
        (["no object"], Report('"no object"')),
    ],
)
def test_what_it_says_of_a_run_is_read_with_care(said: list[object], report: Report) -> None:
    """The box could have written anything: a session's id becomes a word of the next command line."""
    assert ClaudeProvider().report("\n".join(map(json.dumps, said)).encode()) == report


@pytest.mark.parametrize("output", [b"", b"\xff\xfe", b"[" * 100_000, b"no JSON"])
def test_output_of_any_kind_is_the_result(output: bytes) -> None:
    assert ClaudeProvider().report(output) == Report(output.decode(errors="replace"))


def test_line_ends_without_end_cost_no_memory_but_their_own() -> None:
    """An agent says what it likes: as a list of lines it would cost its operator's host a hundred times as much."""
    output = b"ab\n" * 100_000 + b'{"type": "result", "result": "done"}'
    tracemalloc.start()
    try:
        report = ClaudeProvider().report(output)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (report.result, most < 2 * len(output)) == ("done", True)


def test_remote_control_is_asked_for_and_what_hinders_it_told() -> None:
    assert "no bottle holds" in " ".join(provision(remote_control=True).notes)
    assert provision().notes == ()


# --- no question before the first prompt ---


def test_every_dialog_is_answered_beforehand() -> None:
    assert config(provision()) == {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "bypassPermissionsModeAccepted": True,
        "projects": {
            HOME: {"hasTrustDialogAccepted": True},
            f"{HOME}/workspace": {"hasTrustDialogAccepted": True},
        },
    }


def test_label_and_color_are_left_out_when_empty_and_kept_as_written() -> None:
    found = config(provision(label='a "lábel"', color="bright-cyan"))
    assert (found["name"], found["color"]) == ('a "lábel"', "bright-cyan")
    assert not {"name", "color"} & config(provision()).keys()


def test_a_label_stands_in_the_status_line_whatever_it_holds() -> None:
    """Claude Code runs the command in a shell, which must show the label and obey nothing in it."""
    label = "it's $(touch /tmp/x); `x` \\ %s"
    file = provision(label=label, color="bright-cyan").files[1]
    assert (file.path, file.mode, file.owner.uid) == (f"{HOME}/.claude/settings.json", 0o600, 1000)
    line = json.loads(file.content)["statusLine"]
    assert line["type"] == "command"
    shown = subprocess.run(["sh", "-c", line["command"]], capture_output=True, text=True, check=True)
    assert shown.stdout == f"\x1b[1;36m{label}\x1b[0m"
    assert shown.stderr == ""


def test_without_a_label_the_settings_are_left_alone() -> None:
    assert len(provision(color="red").files) == 1


def test_quiet_whatever_the_credential() -> None:
    assert provision().env == QUIET
    assert provision(settings=WITH_TOKEN).env.items() >= QUIET.items()


# --- credentials ---


def test_without_a_credential_the_route_is_there_and_no_placeholder() -> None:
    wanted = provision()
    assert wanted.routes == (ManifestRoute(API, scan=False),)
    assert wanted.hidden_env == frozenset()


def test_a_token_goes_on_the_route_and_a_placeholder_into_the_box() -> None:
    wanted = provision(settings=WITH_TOKEN)
    assert wanted.routes == (ManifestRoute(API, auth=Auth("OAUTH", "Bearer", "Authorization"), scan=False),)
    assert wanted.env["CLAUDE_CODE_OAUTH_TOKEN"] == PLACEHOLDER
    assert wanted.hidden_env == {"CLAUDE_CODE_OAUTH_TOKEN"}
    assert "ANTHROPIC_API_KEY" not in wanted.env


@pytest.mark.parametrize(
    "routes",
    [
        listed(Auth("OAUTH")),
        listed(Auth("OAUTH", header="AUTHORIZATION")),
        listed(Auth("OAUTH"), role="claude_code_oauth"),
        listed(Auth("OAUTH"), host=HostPattern("gateway.example.com"), role="claude_code_oauth"),
        (*listed(None), *listed(Auth("OAUTH"))),
    ],
)
@pytest.mark.parametrize("settings", [AgentProvider("claude"), WITH_TOKEN])
def test_a_listed_oauth_credential_wants_the_oauth_placeholder(
    routes: tuple[ManifestRoute, ...], settings: AgentProvider
) -> None:
    wanted = provision(routes=routes, settings=settings)
    assert wanted.env["CLAUDE_CODE_OAUTH_TOKEN"] == PLACEHOLDER
    assert "customApiKeyResponses" not in config(wanted)


def test_a_listed_api_key_wants_the_api_keys_placeholder_approved() -> None:
    wanted = provision(routes=listed(Auth("KEY", scheme="", header="X-Api-Key")))
    assert wanted.env["ANTHROPIC_API_KEY"] == PLACEHOLDER
    assert wanted.hidden_env == {"ANTHROPIC_API_KEY"}
    assert "CLAUDE_CODE_OAUTH_TOKEN" not in wanted.env
    assert config(wanted)["customApiKeyResponses"] == {"approved": [PLACEHOLDER[-20:]], "rejected": []}


@pytest.mark.parametrize("routes", [(), listed(None), listed(Auth("T"), host=HostPattern("api.github.com"))])
def test_other_routes_want_no_placeholder(routes: tuple[ManifestRoute, ...]) -> None:
    assert provision(routes=routes).env == QUIET


def test_two_credentials_contradict_each_other() -> None:
    with pytest.raises(ManifestError, match=r"auth_token: names OAUTH, but the route to .* names OTHER"):
        provision(settings=WITH_TOKEN, routes=listed(Auth("OTHER")))


def test_a_header_that_the_api_does_not_read_is_a_mistake() -> None:
    with pytest.raises(ManifestError, match="header x-token") as caught:
        provision(routes=listed(Auth("KEY", header="x-token")))
    assert "x-api-key" in str(caught.value.hint)


# --- asking ---


def test_where_to_ask_is_registered_with_time_for_an_answer() -> None:
    """A call times out after a minute and its tool waits for a search, where the entry does not say otherwise."""
    found = config(provision(supervise_url="http://supervise:9100/"))["mcpServers"]
    assert found == {
        "supervise": {"type": "http", "url": "http://supervise:9100/", "alwaysLoad": True, "timeout": 600_000}
    }


def test_who_cannot_ask_has_no_server() -> None:
    assert "mcpServers" not in config(provision())

"""What Codex is given."""

import base64
import json
import tomllib
from typing import Any

import pytest
from attrs import evolve

from bottle.adapters.providers.codex import CodexProvider
from bottle.domain.errors import ManifestError
from bottle.domain.headers import PLACEHOLDER
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import AgentProvider, Auth, ManifestRoute
from bottle.domain.provider import NEWEST, HostLogin, Provision, Report, Wish
from bottle.domain.provision import CA_BUNDLE

HOME = "/home/node"
WISH = Wish(AgentProvider("codex"), (), HOME, f"{HOME}/workspace", None)
KEY = (ManifestRoute(HostPattern("api.openai.com"), auth=Auth("OPENAI_API_KEY")),)
FORWARDING = AgentProvider("codex", forward_host_credentials=True)
LOGIN = HostLogin("~/.codex/auth.json", "acct-1", "pro", "2030-01-01T00:00:00+00:00")
INSTRUCTION = "Read and follow the instructions in /p.txt."


def provision(**changes: Any) -> Provision:
    return CodexProvider().provision(evolve(WISH, **changes))


def files(provision: Provision) -> dict[str, str]:
    assert {file.mode for file in provision.files} == {0o600}
    return {file.path.removeprefix(f"{HOME}/.codex/"): file.content.decode() for file in provision.files}


def config(provision: Provision) -> dict[str, Any]:
    return tomllib.loads(files(provision)["config.toml"])


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def test_the_prompt_is_the_first_message() -> None:
    wanted = provision(prompt_path="/p.txt")
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox", INSTRUCTION)
    assert files(wanted).keys() == {"config.toml"}


def test_with_arguments_the_prompt_stands_where_codex_always_reads_it() -> None:
    wanted = provision(prompt_path="/p.txt", arguments=("exec", "--json", "do it"))
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox", "exec", "--json", "do it")
    assert files(wanted)["AGENTS.md"] == INSTRUCTION


@pytest.mark.parametrize(
    ("session", "words"), [(None, ()), (NEWEST, ("resume", "--last")), ("5c1a-7be0", ("resume", "5c1a-7be0"))]
)
@pytest.mark.parametrize("headless", [True, False])
def test_a_session_is_begun_or_gone_on_with(headless: bool, session: str | None, words: tuple[str, ...]) -> None:
    wanted = provision(headless=headless, session=session, arguments=("-m", "x"), prompt_path="/p.txt")
    alone, end = (("exec", "--json", "--skip-git-repo-check"), ("-",)) if headless else ((), ())
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox", *alone, *words, "-m", "x", *end)
    assert files(wanted)["AGENTS.md"] == INSTRUCTION


def test_it_is_told_something_first_unless_others_have_the_word() -> None:
    """A headless run has its task on standard input, and arguments may hold a prompt of their own."""
    told = provision(session=NEWEST, prompt_path="/p.txt", message="Go on.")
    assert told.argv[-3:] == ("resume", "--last", "Go on.")
    assert "Go on." not in provision(headless=True, message="Go on.").argv
    assert "Go on." not in provision(message="Go on.", arguments=("-m", "x")).argv


def test_conversations_are_kept_and_settings_are_not() -> None:
    kept = provision().transcript
    assert f"{HOME}/.codex/sessions" in kept
    assert not {f"{HOME}/.codex", f"{HOME}/.codex/auth.json", f"{HOME}/.codex/config.toml"} & set(kept)
    assert provision(env={"CODEX_HOME": "/srv/codex"}).transcript == ()


STARTED = {"type": "thread.started", "thread_id": "0199-ab"}
ANSWERED = {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}}
FAILED = {"type": "turn.failed", "error": {"message": "no quota"}}


@pytest.mark.parametrize(
    ("events", "report"),
    [
        ([STARTED, {"type": "item.completed", "item": 5}, ANSWERED], Report("Done.", "0199-ab")),
        ([STARTED, ANSWERED, FAILED], Report("no quota", "0199-ab")),
        ([{"type": "thread.started", "thread_id": "--last"}, ANSWERED], Report("Done.")),
        ([{"type": "error", "message": "no network"}], Report("no network")),
        ([5, None], Report("5\nnull")),
    ],
)
def test_what_it_says_of_a_run_is_read_with_care(events: list[object], report: Report) -> None:
    """The box could have written anything: a session's id becomes a word of the next command line."""
    assert CodexProvider().report("\n".join(map(json.dumps, events)).encode()) == report


@pytest.mark.parametrize("output", [b"", b"\xff\xfe", b"[" * 100_000, b"no JSON"])
def test_output_of_any_kind_is_the_result(output: bytes) -> None:
    assert CodexProvider().report(output) == Report(output.decode(errors="replace"))


def test_without_a_prompt_there_is_none() -> None:
    wanted = provision()
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox")
    assert files(wanted).keys() == {"config.toml"}


def test_both_places_of_work_are_trusted() -> None:
    trusted = {"trust_level": "trusted"}
    assert config(provision())["projects"] == {HOME: trusted, f"{HOME}/workspace": trusted}
    odd = 'a "quoted" \\ pläce'
    assert config(provision(workdir=odd))["projects"][odd] == trusted


def test_quiet_and_readable_for_the_way_out() -> None:
    found = config(provision())
    assert found["check_for_update_on_startup"] is False
    assert found["analytics"] == {"enabled": False}
    assert set(found["features"].values()) == {False}
    assert found["features"].keys() >= {"daemon_auto_start", "enable_request_compression", "plugins", "apps"}


def test_without_a_key_both_services_are_there_unauthenticated() -> None:
    wanted = provision()
    assert wanted.routes == tuple(
        ManifestRoute(HostPattern(host), scan=False) for host in ("api.openai.com", "chatgpt.com")
    )
    assert "model_provider" not in config(wanted)


def test_with_a_key_outside_codex_needs_neither_login_nor_placeholder() -> None:
    wanted = provision(routes=KEY)
    found = config(wanted)
    assert found["model_provider"] == "bottle"
    assert found["model_providers"]["bottle"] == {
        "name": "OpenAI",
        "base_url": "https://api.openai.com/v1",
        "wire_api": "responses",
    }
    assert [route.host.text for route in wanted.routes] == ["api.openai.com"]


@pytest.mark.parametrize("routes", [(), KEY])
def test_no_key_and_no_stand_in_for_one_enters_the_box(routes: tuple[ManifestRoute, ...]) -> None:
    wanted = provision(routes=routes)
    assert wanted.env == {"CODEX_CA_CERTIFICATE": CA_BUNDLE}
    assert "auth.json" not in files(wanted)
    assert not any("KEY" in content for content in files(wanted).values())


def test_a_forwarded_login_goes_to_chatgpt_alone_and_its_stand_in_opens_nothing() -> None:
    wanted = provision(settings=FORWARDING, login=LOGIN)
    assert [(route.host.text, route.auth) for route in wanted.routes] == [
        ("api.openai.com", None),
        ("chatgpt.com", Auth("~/.codex/auth.json")),
    ]
    found = json.loads(files(wanted)["auth.json"])
    assert (found["auth_mode"], found["OPENAI_API_KEY"]) == ("chatgpt", None)
    assert found["tokens"]["account_id"] == "acct-1"
    assert found["tokens"]["refresh_token"] == PLACEHOLDER
    assert found["tokens"]["access_token"].endswith(f".{PLACEHOLDER}")
    assert claims(found["tokens"]["id_token"])["https://api.openai.com/auth"] == {
        "chatgpt_account_id": "acct-1",
        "chatgpt_plan_type": "pro",
    }
    assert wanted.env["CODEX_HOME"] == f"{HOME}/.codex"
    assert [check.argv for check in wanted.checks] == [("codex", "login", "status")]
    assert "model_provider" not in config(wanted)


def test_the_stand_in_never_seems_to_end_or_codex_would_ask_for_another() -> None:
    tokens = json.loads(files(provision(settings=FORWARDING, login=LOGIN))["auth.json"])["tokens"]
    assert claims(tokens["access_token"])["exp"] == claims(tokens["id_token"])["exp"] > 4_000_000_000


def test_a_login_that_could_not_be_read_still_makes_a_plan_without_a_credential() -> None:
    wanted = provision(settings=FORWARDING)
    assert {route.auth for route in wanted.routes} == {None}
    assert json.loads(files(wanted)["auth.json"])["tokens"]["account_id"] == "unknown"


def test_a_login_beside_a_key_is_refused() -> None:
    with pytest.raises(ManifestError, match="has an API key, which would be used instead"):
        provision(settings=FORWARDING, login=LOGIN, routes=KEY)


def test_a_home_of_its_own_is_where_the_files_go() -> None:
    wanted = provision(env={"CODEX_HOME": "/home/node/elsewhere"}, settings=FORWARDING, login=LOGIN)
    assert {file.path for file in wanted.files} == {
        "/home/node/elsewhere/config.toml",
        "/home/node/elsewhere/auth.json",
    }


def test_there_is_no_remote_control() -> None:
    with pytest.raises(ManifestError, match="no remote control"):
        provision(remote_control=True)


def test_where_to_ask_is_registered_with_time_for_an_answer() -> None:
    found = config(provision(supervise_url="http://supervise:9100/"))["mcp_servers"]
    assert found == {"supervise": {"url": "http://supervise:9100/", "tool_timeout_sec": 600}}


def test_who_cannot_ask_has_no_server() -> None:
    assert "mcp_servers" not in config(provision())

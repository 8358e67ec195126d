"""What Codex is given."""

import tomllib
from typing import Any

import pytest
from attrs import evolve

from bottle.adapters.providers.codex import CodexProvider
from bottle.domain.errors import ManifestError
from bottle.domain.hosts import HostPattern
from bottle.domain.manifest import AgentProvider, Auth, ManifestRoute
from bottle.domain.provider import Provision, Wish
from bottle.domain.provision import CA_BUNDLE

HOME = "/home/node"
WISH = Wish(AgentProvider("codex"), (), HOME, f"{HOME}/workspace", None)
KEY = (ManifestRoute(HostPattern("api.openai.com"), auth=Auth("OPENAI_API_KEY")),)
INSTRUCTION = "Read and follow the instructions in /p.txt."


def provision(**changes: Any) -> Provision:
    return CodexProvider().provision(evolve(WISH, **changes))


def files(provision: Provision) -> dict[str, str]:
    assert {file.mode for file in provision.files} == {0o600}
    return {file.path.removeprefix(f"{HOME}/.codex/"): file.content.decode() for file in provision.files}


def config(provision: Provision) -> dict[str, Any]:
    return tomllib.loads(files(provision)["config.toml"])


def test_the_prompt_is_the_first_message() -> None:
    wanted = provision(prompt_path="/p.txt")
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox", INSTRUCTION)
    assert files(wanted).keys() == {"config.toml"}


def test_with_arguments_the_prompt_stands_where_codex_always_reads_it() -> None:
    wanted = provision(prompt_path="/p.txt", arguments=("exec", "--json", "do it"))
    assert wanted.argv == ("codex", "--dangerously-bypass-approvals-and-sandbox", "exec", "--json", "do it")
    assert files(wanted)["AGENTS.md"] == INSTRUCTION


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


def test_forwarding_a_login_is_refused_with_the_way_out_of_it() -> None:
    with pytest.raises(ManifestError, match="forwarding a Codex login is not served") as caught:
        provision(settings=AgentProvider("codex", forward_host_credentials=True))
    assert "token_ref: OPENAI_API_KEY" in str(caught.value.hint)


def test_there_is_no_remote_control() -> None:
    with pytest.raises(ManifestError, match="no remote control"):
        provision(remote_control=True)

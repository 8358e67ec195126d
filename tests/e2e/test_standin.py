"""The stand-in of the Anthropic API is as strict as it says: what it lets pass proves something."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.anthropic_api import API_HOST, ECHO, OAUTH_BETA, AnthropicApi
from tests.support.anthropic_script import Script, Step
from tests.support.standin_tls import server_tls

TOKEN = "sk-ant-oat01-" + "k" * 40
OTHER = "git.example.com"
SCRIPT = Script("do it", "done", (Step("Bash", {"command": "true"}, lambda text: text == "fine"),))
TOOLS = [{"name": "Bash"}]
HEADERS = {
    "authorization": f"Bearer {TOKEN}",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": f"claude-code-20250219,{OAUTH_BETA}",
    "content-type": "application/json",
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[AnthropicApi]:
    with AnthropicApi(
        server_tls([API_HOST, OTHER], tmp_path), TOKEN, "placeholder", [SCRIPT], other_hosts=[OTHER]
    ) as api:
        yield api


class Client(http.client.HTTPSConnection):
    """Speaks to the stand-in under any name."""

    def __init__(self, api: AnthropicApi, name: str = API_HOST) -> None:
        super().__init__(name, timeout=60)
        self.api, self.name = api, name

    def connect(self) -> None:
        plain = socket.create_connection((self.api.address, self.api.port), timeout=60)
        assert self.api.tls is not None
        context = ssl.create_default_context(cadata=self.api.tls.root)
        context.check_hostname = False
        self.sock = context.wrap_socket(plain, server_hostname=self.name)


def ask(
    api: AnthropicApi,
    body: Any = b"",
    *,
    method: str = "POST",
    path: str = "/v1/messages?beta=true",
    name: str = API_HOST,
    **headers: str,
) -> tuple[int, str]:
    """One request; header names come with underscores, an empty value leaves the header out."""
    changed = {**HEADERS, **{key.replace("_", "-"): value for key, value in headers.items()}}
    client = Client(api, name)
    try:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        client.request(method, path, payload, {key: value for key, value in changed.items() if value})
        response = client.getresponse()
        return response.status, response.read().decode()
    finally:
        client.close()


def request(*messages: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "tools": TOOLS, "messages": list(messages), **more}


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def result(identifier: str, text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": identifier, "content": text}]}


def first_call(api: AnthropicApi) -> dict[str, Any]:
    """The assistant's message that calls the first tool."""
    status, text = ask(api, request(said("please do it")))
    assert status == 200
    message = json.loads(text)
    assert message["stop_reason"] == "tool_use"
    return {"role": "assistant", "content": message["content"]}


def test_a_tool_round_trip_ends_in_the_answer(api: AnthropicApi) -> None:
    call = first_call(api)
    status, text = ask(api, request(said("please do it"), call, result(call["content"][1]["id"], "fine")))
    assert (status, json.loads(text)["content"][0]["text"]) == (200, "done")
    assert [(one.tool, one.text, one.expected) for one in api.results] == [("Bash", "fine", True)]
    assert not api.faults


def test_an_unexpected_result_ends_the_script(api: AnthropicApi) -> None:
    call = first_call(api)
    _, text = ask(api, request(said("please do it"), call, result(call["content"][1]["id"], "broken")))
    assert "something else" in json.loads(text)["content"][0]["text"]
    assert not api.results[0].expected


def test_the_stream_has_every_event_and_adds_up_to_the_message(api: AnthropicApi) -> None:
    status, text = ask(api, request(said("do it"), stream=True))
    assert status == 200
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert names == [event["type"] for event in events]
    assert (names[0], names[1], names[-2], names[-1]) == ("message_start", "ping", "message_delta", "message_stop")
    pieces = [e["delta"]["partial_json"] for e in events if e.get("delta", {}).get("type") == "input_json_delta"]
    assert json.loads("".join(pieces)) == {"command": "true"}


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ({"authorization": ""}, "missing"),
        ({"authorization": "Bearer placeholder"}, "placeholder"),
        ({"authorization": "Bearer sk-ant-oat01-other"}, "wrong"),
        ({"authorization": f"bearer {TOKEN}"}, "wrong"),
        ({"x_api_key": TOKEN}, "wrong"),
        ({"authorization": "", "x_api_key": TOKEN}, "wrong"),
        ({"proxy_authorization": "Basic eA=="}, "wrong"),
    ],
)
def test_any_other_credential_is_401_and_remembered(
    api: AnthropicApi, headers: dict[str, str], credential: str
) -> None:
    status, text = ask(api, request(said("do it")), **headers)
    assert status == 401
    assert TOKEN not in text
    assert [one.credential for one in api.seen] == [credential]
    assert api.faults == [f"{credential} credential for {API_HOST}/v1/messages"]


def test_a_credential_for_another_host_is_401_and_remembered(api: AnthropicApi) -> None:
    assert ask(api, method="GET", path="/x", name=OTHER)[0] == 401
    assert api.faults == [f"right credential for {OTHER}/x"]


def test_a_host_that_is_not_the_name_of_the_connection_is_421(api: AnthropicApi) -> None:
    assert ask(api, request(said("do it")), name=OTHER, host=API_HOST)[0] == 421
    assert ask(api, request(said("do it")), host="elsewhere.example")[0] == 421
    assert len(api.faults) == 2


def test_what_claude_code_asks_for_at_its_start_is_absent_without_fault(api: AnthropicApi) -> None:
    assert ask(api, method="GET", path="/api/claude_code/settings")[0] == 404
    assert ask(api, method="GET", path="/api/claude_code/policy_limits")[0] == 404
    assert not api.faults


def test_an_unknown_path_or_method_is_404_and_remembered(api: AnthropicApi) -> None:
    assert ask(api, method="GET", path="/v1/organizations")[0] == 404
    assert ask(api, method="DELETE")[0] == 404
    assert len(api.faults) == 2


def test_the_echo_tells_what_was_sent(api: AnthropicApi) -> None:
    status, text = ask(api, method="GET", path=ECHO)
    assert (status, TOKEN in text) == (200, True)


def test_tokens_are_counted(api: AnthropicApi) -> None:
    status, text = ask(api, request(said("do it")), path="/v1/messages/count_tokens?beta=true")
    assert status == 200
    assert json.loads(text)["input_tokens"] > 0


CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_x", "name": "Bash", "input": {}}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        [],
        {"model": "m", "max_tokens": 9},
        request(),
        request(said("x"), model=""),
        request(said("x"), max_tokens=True),
        request(said("x"), max_tokens=0),
        request({"role": "robot", "content": "x"}),
        request({"role": "user", "content": []}),
        request({"role": "user", "content": [{"text": "no type"}]}),
        request(said("x"), CALL),
        request(said("x"), CALL, said("no result")),
        request(said("x"), CALL, result("toolu_y", "of another call")),
        request(said("x"), CALL, result("toolu_x", "of a call that was never made")),
        request(said("do it"), tools=[{"name": "Read"}]),
        request({"role": "system", "content": "nothing else"}),
    ],
)
def test_a_body_that_is_not_whole_is_400(api: AnthropicApi, body: Any) -> None:
    status, text = ask(api, body)
    assert (status, json.loads(text)["error"]["type"]) == (400, "invalid_request_error")


def test_the_headers_of_the_api_are_required(api: AnthropicApi) -> None:
    assert ask(api, request(said("do it")), anthropic_version="")[0] == 400
    assert ask(api, request(said("do it")), content_type="text/plain")[0] == 400
    assert ask(api, request(said("do it")), anthropic_beta="claude-code-20250219")[0] == 401


@pytest.mark.parametrize(
    "framing",
    [
        {"content_length": "2", "transfer_encoding": "chunked"},
        {"content_length": "+2"},
        {"content_length": "999999999999"},
        {"transfer_encoding": "gzip"},
    ],
)
def test_a_body_without_exactly_one_framing_is_400(api: AnthropicApi, framing: dict[str, str]) -> None:
    assert ask(api, b"{}", **framing)[0] == 400
    assert api.faults[0].startswith("framing: ")


def test_a_client_that_stays_silent_holds_up_nobody(api: AnthropicApi) -> None:
    with socket.create_connection((api.address, api.port)):
        assert ask(api, method="GET", path="/api/claude_code/settings")[0] == 404


def test_nothing_of_it_shows_the_token(api: AnthropicApi) -> None:
    first_call(api)
    assert TOKEN not in repr(api)
    assert TOKEN not in repr(api.seen)

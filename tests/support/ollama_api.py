"""A stand-in of a local Ollama: its OpenAI-compatible endpoint over plain HTTP, streaming and tool calls included.

Strict as tests/support/standin_server.py says; it takes no credential, so one that comes is a fault.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from tests.support.anthropic_script import Script, ToolResult
from tests.support.standin_server import Handler, MalformedError, RefusedError, Standin

COMPLETIONS = "/v1/chat/completions"
PIECE = 11
"""Characters in one delta: small and odd, so that escapes and keys are cut anywhere."""


@define(init=False)
class OllamaApi(Standin):
    """The stand-in. Serves `place` (host and port) with one model."""

    model: str
    scripts: Sequence[Script]
    results: list[ToolResult] = field(factory=list)
    _issued: dict[str, tuple[Script, int]] = field(factory=dict)

    def __init__(self, place: str, model: str, scripts: Sequence[Script], address: str = "127.0.0.1") -> None:
        self.__attrs_init__(None, {place: ""}, "egress-placeholder", address, model, scripts)

    def handler(self) -> type[Handler]:
        return _Handler

    def answer(self, body: Mapping[str, Any]) -> Sequence[bytes]:
        """The events of the next message. Raises MalformedError."""
        messages = body.get("messages")
        if body.get("model") != self.model or body.get("stream") is not True or not isinstance(messages, list):
            raise MalformedError(f"model, stream, messages: {self.model}, true and a list are required")
        last = messages[-1]
        with self.lock:
            if last.get("role") == "tool":
                return list(_events(self.model, *self._after(last)))
            script = next((one for one in self.scripts if one.prompt in json.dumps(last.get("content"))), None)
            if script is None or not body.get("tools"):
                return list(_events(self.model, "a stand-in has no opinion", None))
            offered = {tool["function"]["name"] for tool in body["tools"]}
            if not {step.tool for step in script.steps} <= offered:
                raise MalformedError("tools: one is not offered")
            return list(_events(self.model, *self._call(script, 0)))

    def _after(self, message: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
        if message.get("tool_call_id") not in self._issued:
            raise MalformedError("messages: a tool's answer to a call that was never made")
        script, index = self._issued[message["tool_call_id"]]
        step, text = script.steps[index], str(message.get("content"))
        self.results.append(ToolResult(step.tool, text, is_error=False, expected=step.expect(text)))
        if not self.results[-1].expected:
            return f"step {index + 1} ({step.tool}) came back with something else than was wanted", None
        return self._call(script, index + 1)

    def _call(self, script: Script, index: int) -> tuple[str, Mapping[str, Any] | None]:
        if index >= len(script.steps):
            return script.answer, None
        step = script.steps[index]
        identifier = f"call_{secrets.token_hex(8)}"
        self._issued[identifier] = (script, index)
        function = {"name": step.tool, "arguments": json.dumps(step.arguments)}
        return "", {"index": 0, "id": identifier, "type": "function", "function": function}


class _Handler(Handler):
    def route(self, body: bytes) -> None:
        assert isinstance(self.server.standin, OllamaApi)
        if (self.command, self.place) != ("POST", COMPLETIONS):
            self.refuse_unknown()
        self.send_events(self.server.standin.answer(self.json_object(body)))

    def error_body(self, refused: RefusedError) -> Mapping[str, Any]:
        return {"error": {"message": str(refused), "type": refused.kind, "param": None, "code": None}}


def _events(model: str, text: str, call: Mapping[str, Any] | None) -> Iterator[bytes]:
    """One message as it is streamed: the text in pieces or the call, why it ends, what it cost."""
    yield _chunk(model, {"role": "assistant", "content": ""})
    for start in range(0, len(text), PIECE):
        yield _chunk(model, {"content": text[start : start + PIECE]})
    if call is not None:
        yield _chunk(model, {"tool_calls": [call]})
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    yield _chunk(model, {}, finish_reason="tool_calls" if call else "stop", usage=usage)
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: Mapping[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    kind = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    return b"data: " + json.dumps({**kind, "choices": [choice], **more}).encode() + b"\n\n"

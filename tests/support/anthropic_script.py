"""The stand-in's side of a conversation: which tools it calls, and what it wants back.

A `Script` answers one prompt. Each `Step` is a tool call; its result is checked before the next one is made.
Requests are read strictly, for a stand-in that shrugs would hide what the real API refuses.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from tests.support.standin_server import MalformedError

ROLES = ("user", "assistant", "system")


@frozen
class Step:
    """One tool call. `expect` says whether the result is the one that was wanted; `arguments` may depend on the result
    before."""

    tool: str
    arguments: Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
    expect: Callable[[str], bool] = field(default=bool, repr=False)


@frozen
class Script:
    """What the model does when a prompt has `prompt` in it: the steps in order, then `answer`."""

    prompt: str
    answer: str
    steps: Sequence[Step] = ()


@frozen
class ToolResult:
    """What came back from one step."""

    tool: str
    text: str
    is_error: bool
    expected: bool


@frozen
class Answer:
    """The content blocks of the next message and why it stops."""

    blocks: Sequence[Mapping[str, Any]]
    stop_reason: str = "end_turn"


@define
class Conversations:
    """All conversations of one stand-in. Ids that it hands out are remembered, so none can be made up."""

    scripts: Sequence[Script]
    results: list[ToolResult] = field(factory=list)
    prompts: list[str] = field(factory=list)
    histories: list[str] = field(factory=list)
    """What came with each prompt, as JSON."""
    _issued: dict[str, tuple[Script, int]] = field(factory=dict)

    def reply(self, body: Mapping[str, Any]) -> Answer:
        """The next message. Raises MalformedError."""
        messages = checked_messages(body)
        last = next((message for message in reversed(messages) if message["role"] != "system"), None)
        if last is None or last["role"] != "user":
            raise MalformedError("messages: the last one must be the user's")
        returned = [block for block in blocks_of(last) if block["type"] == "tool_result"]
        if returned:
            return self._after(returned)
        text = text_of(blocks_of(last))
        script = next((script for script in self.scripts if script.prompt in text), None)
        if script is None or not body.get("tools"):
            return Answer([_text("a stand-in has no opinion")])
        self.prompts.append(script.prompt)
        self.histories.append(json.dumps(messages))
        return self._call(script, 0, body)

    def _after(self, returned: Sequence[Mapping[str, Any]]) -> Answer:
        if len(returned) != 1 or returned[0]["tool_use_id"] not in self._issued:
            raise MalformedError("messages: a tool_result for a tool_use that was never made")
        block = returned[0]
        script, index = self._issued[block["tool_use_id"]]
        step = script.steps[index]
        text = text_of([block])
        result = ToolResult(step.tool, text, bool(block.get("is_error")), expected=step.expect(text))
        self.results.append(result)
        if not result.expected:
            return Answer([_text(f"step {index + 1} ({step.tool}) came back with something else than was wanted")])
        return self._call(script, index + 1, None)

    def _call(self, script: Script, index: int, body: Mapping[str, Any] | None) -> Answer:
        if index >= len(script.steps):
            return Answer([_text(script.answer)])
        step = script.steps[index]
        if body is not None and step.tool not in {tool.get("name") for tool in body["tools"]}:
            raise MalformedError(f"tools: no {step.tool} is offered")
        identifier = f"toolu_{secrets.token_hex(12)}"
        self._issued[identifier] = (script, index)
        before = self.results[-1].text if self.results else ""
        arguments = step.arguments(before) if callable(step.arguments) else step.arguments
        call = {"type": "tool_use", "id": identifier, "name": step.tool, "input": dict(arguments)}
        return Answer([_text(f"Now {step.tool}."), call], "tool_use")


def checked_messages(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The messages of a request that is whole. Raises MalformedError."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise MalformedError("model: a string is required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise MalformedError("messages: at least one is required")
    open_calls: set[str] = set()
    for position, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise MalformedError(f"messages.{position}: a role of {', '.join(ROLES)} is required")
        if message["role"] != "system":
            open_calls = _follow(open_calls, blocks_of(message), position)
    if open_calls:
        raise MalformedError("messages: a tool_use has no tool_result")
    return messages


def _follow(open_calls: set[str], blocks: Sequence[Mapping[str, Any]], position: int) -> set[str]:
    """The tool calls that the next message has to answer. Raises MalformedError."""
    answered = {block.get("tool_use_id") for block in blocks if block["type"] == "tool_result"}
    if answered != open_calls:
        raise MalformedError(f"messages.{position}: tool_result blocks do not match the tool_use blocks before them")
    return {str(block.get("id")) for block in blocks if block["type"] == "tool_use"}


def blocks_of(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """A message's content as blocks, whichever way it was written. Raises MalformedError."""
    content = message.get("content")
    if isinstance(content, str):
        return [_text(content)]
    if not isinstance(content, list) or not content:
        raise MalformedError("messages: content must be a string or a list of blocks")
    for block in content:
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise MalformedError("messages: a content block needs a type")
    return content


def text_of(blocks: Sequence[Mapping[str, Any]]) -> str:
    """All text in the blocks, tool results included."""
    parts = []
    for block in blocks:
        if block["type"] == "text":
            parts.append(str(block.get("text", "")))
        elif block["type"] == "tool_result" and block.get("content"):
            parts.append(text_of(blocks_of({"content": block["content"]})))
    return "\n".join(parts)


def tokens_in(body: Mapping[str, Any]) -> int:
    """A plausible token count."""
    return max(1, len(json.dumps(body)) // 4)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}

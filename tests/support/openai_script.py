"""The OpenAI stand-in's side of a conversation, in the form of the Responses API: function calls and their outputs.

Over a WebSocket a request may leave out what came before and name the response that it follows; either way the ids
that were handed out are remembered, so none can be made up.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from tests.support.anthropic_script import Script, ToolResult
from tests.support.standin_server import MalformedError

Item = Mapping[str, Any]
PIECE = 11
"""Characters in one delta: small and odd, so that tokens, escapes and keys are cut anywhere."""


@define
class Responses:
    """All conversations of one stand-in."""

    scripts: Sequence[Script]
    results: list[ToolResult] = field(factory=list)
    prompts: list[str] = field(factory=list)
    histories: list[str] = field(factory=list)
    """What came with each prompt, as JSON."""
    _issued: dict[str, tuple[Script, int]] = field(factory=dict)
    _given: set[str] = field(factory=set)

    def reply(self, body: Item) -> Iterator[Item]:
        """The events of the next response. Raises MalformedError."""
        items = self._checked(body)
        if body.get("generate") is False:  # a WebSocket is warmed up with a request that wants no answer
            return self._events([])
        returned = [item for item in items[self._after_last_call(items) :] if item["type"] == "function_call_output"]
        if returned and items[-1]["type"] == "function_call_output":  # else a call was interrupted, and a prompt came
            return self._events([self._after(returned)])
        text = "\n".join(_text_of(item) for item in items if item["type"] == "message" and item["role"] == "user")
        # A history repeats earlier prompts: the latest one counts.
        script = max(
            (script for script in self.scripts if script.prompt in text),
            key=lambda one: text.rindex(one.prompt),
            default=None,
        )
        if script is None or not body.get("tools"):  # a question beside the task, such as for a title
            return self._events([_message("a stand-in has no opinion")])
        self.prompts.append(script.prompt)
        self.histories.append(json.dumps(items))
        return self._events([self._call(script, 0, body)])

    def _checked(self, body: Item) -> Sequence[Item]:
        if not isinstance(body.get("model"), str) or body.get("stream", True) is not True or body.get("store"):
            raise MalformedError("model, stream, store: a string, true and false are required")
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self._given:
            raise MalformedError("previous_response_id: no such response")
        items = body.get("input")
        if not isinstance(items, list) or not all(isinstance(item, dict) and "type" in item for item in items):
            raise MalformedError("input: a list of items with a type is required")
        called = {item.get("call_id") for item in items if item["type"] == "function_call"}
        answered = {item.get("call_id") for item in items if item["type"] == "function_call_output"}
        if not (called | answered) <= self._issued.keys() or (called - answered):
            raise MalformedError("input: function calls and their outputs do not match what was asked for")
        return items

    @staticmethod
    def _after_last_call(items: Sequence[Item]) -> int:
        """Where what is new begins: behind the last thing that the model said."""
        own = [place for place, item in enumerate(items) if item["type"] == "function_call" or _is_said(item)]
        return own[-1] + 1 if own else 0

    def _after(self, returned: Sequence[Item]) -> Item:
        output = returned[-1]
        script, index = self._issued[output["call_id"]]
        step = script.steps[index]
        text = output["output"] if isinstance(output["output"], str) else json.dumps(output["output"])
        result = ToolResult(step.tool, text, is_error=False, expected=step.expect(text))
        self.results.append(result)
        if not result.expected:
            return _message(f"step {index + 1} ({step.tool}) came back with something else than was wanted")
        return self._call(script, index + 1, None)

    def _call(self, script: Script, index: int, body: Item | None) -> Item:
        if index >= len(script.steps):
            return _message(script.answer)
        step = script.steps[index]
        if body is not None and step.tool not in set(_offered(body.get("tools", ()))):
            raise MalformedError(f"tools: no {step.tool} is offered")
        call_id = f"call_{secrets.token_hex(12)}"
        space, _, name = step.tool.rpartition("/")
        self._issued[call_id] = (script, index)
        before = self.results[-1].text if self.results else ""
        arguments = step.arguments(before) if callable(step.arguments) else step.arguments
        return {
            "type": "function_call",
            "id": f"fc_{secrets.token_hex(12)}",
            "call_id": call_id,
            **({"namespace": space} if space else {}),
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }

    def _events(self, items: Sequence[Item]) -> Iterator[Item]:
        """One response as the real API streams it: created, each item with its deltas, completed."""
        identifier = f"resp_{secrets.token_hex(12)}"
        self._given.add(identifier)
        yield {"type": "response.created", "response": {"id": identifier, "status": "in_progress", "output": []}}
        for index, item in enumerate(items):
            yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **_bare(item)}}
            for kind, piece in _deltas(item):
                yield {"type": kind, "output_index": index, "content_index": 0, "item_id": item["id"], "delta": piece}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        done = {"id": identifier, "status": "completed", "output": list(items), "usage": usage}
        yield {"type": "response.completed", "response": done}


def _offered(tools: Iterable[Item]) -> Iterator[str]:
    """The names of the tools; of one in a namespace, as an MCP server's are, with that before it."""
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from (f"{tool['name']}/{inner['name']}" for inner in tool["tools"])
        elif "name" in tool:
            yield tool["name"]


def _is_said(item: Item) -> bool:
    return item["type"] == "message" and item.get("role") == "assistant"


def _text_of(item: Item) -> str:
    content = item.get("content")
    if not isinstance(content, list):
        raise MalformedError("input: a message's content is a list")
    return "\n".join(str(part.get("text", "")) for part in content)


def _message(text: str) -> Item:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    identifier = f"msg_{secrets.token_hex(12)}"
    return {"type": "message", "id": identifier, "role": "assistant", "status": "completed", "content": content}


def _bare(item: Item) -> Item:
    empty: Item = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {**empty, "status": "in_progress"}


def _deltas(item: Item) -> Iterator[tuple[str, str]]:
    is_message = item["type"] == "message"
    text = item["content"][0]["text"] if is_message else item["arguments"]
    kind = "response.output_text.delta" if is_message else "response.function_call_arguments.delta"
    for start in range(0, len(text), PIECE):
        yield kind, text[start : start + PIECE]

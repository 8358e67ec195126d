"""A message of the Messages API, as server-sent events and as one JSON object."""

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.anthropic_script import Answer

PIECE = 11
"""Characters in one delta: small and odd, so that tokens, escapes and keys are cut anywhere."""


def message(model: str, answer: Answer, input_tokens: int) -> dict[str, Any]:
    """The whole message, as it is answered without `stream`."""
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [dict(block) for block in answer.blocks],
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "usage": _usage(input_tokens, _output_tokens(answer)),
    }


def events(model: str, answer: Answer, input_tokens: int) -> Iterator[bytes]:
    """The message as the real API streams it: start, a ping, each block's start, deltas and stop, the end."""
    whole = message(model, answer, input_tokens)
    opening = {**whole, "content": [], "stop_reason": None, "usage": _usage(input_tokens, 1)}
    yield _event("message_start", message=opening)
    yield _event("ping")
    for index, block in enumerate(answer.blocks):
        yield from _block(index, block)
    yield _event(
        "message_delta",
        delta={"stop_reason": answer.stop_reason, "stop_sequence": None},
        usage={"output_tokens": _output_tokens(answer)},
    )
    yield _event("message_stop")


def _block(index: int, block: Mapping[str, Any]) -> Iterator[bytes]:
    if block["type"] == "text":
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in _pieces(block["text"]):
            yield _event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
    else:
        yield _event("content_block_start", index=index, content_block={**block, "input": {}})
        for piece in ("", *_pieces(json.dumps(block["input"]))):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _output_tokens(answer: Answer) -> int:
    return max(1, sum(len(json.dumps(block)) for block in answer.blocks) // 4)

"""What the agent is offered: the tools with their schemas, and what each makes of its arguments."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from bottle.domain.strict_json import ConfigError, read_integer, read_object, read_text, read_tuple
from bottle.domain.supervise import (
    LONGEST_FRAGMENT,
    LONGEST_WHY,
    LONGEST_WORD,
    MOST_CHOICES,
    MOST_METHODS,
    Asked,
    CapabilityWish,
    EgressWish,
    Question,
    ScanWish,
    Wish,
)
from sidecars.supervise import limits

INSTRUCTIONS = (
    "You work in a sealed box. When something is refused or missing and you cannot go on without it, ask the operator "
    "with a tool of this server, then call `wait` with the id that you get. The operator decides; answers can take "
    "minutes, so do what else can be done meanwhile. Do not look for ways around a refusal."
)

_WHY = {"type": "string", "minLength": 1, "maxLength": LONGEST_WHY, "description": "Why, for a person to decide on."}
_ID = {"type": "string", "description": "The id that the asking tool gave you."}


def _tool(name: str, description: str, properties: Mapping[str, object], required: list[str]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }
    return {"name": name, "description": description, "inputSchema": schema}


TOOLS = [
    _tool(
        "egress-block",
        "Ask the operator to let requests to a host through that the way out refused (HTTP 403 with a rule). "
        "Name as little as you need. A credential is never part of it.",
        {
            "host": {"type": "string", "maxLength": LONGEST_WORD, "description": "One host name, such as pypi.org."},
            "path": {"type": "string", "maxLength": LONGEST_WORD, "description": "The path below which it lies."},
            "methods": {"type": "array", "items": {"type": "string"}, "maxItems": MOST_METHODS},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "443 where left out."},
            "why": _WHY,
        },
        ["host", "why"],
    ),
    _tool(
        "pipelock-block",
        "Ask the operator to let something pass that the scanner refused as a secret, by the fingerprint in its "
        "refusal. Say why it is harmless.",
        {"fingerprint": {"type": "string", "maxLength": 128}, "why": _WHY},
        ["fingerprint", "why"],
    ),
    _tool(
        "capability-block",
        "Ask the operator for a tool or package that this box lacks, as lines of a Dockerfile: RUN and ENV alone, run "
        "as root. A yes builds the image and starts your box anew: your workspace and this session stay, all else that "
        "you made goes, so keep what matters in the workspace first.",
        {"dockerfile": {"type": "string", "maxLength": LONGEST_FRAGMENT}, "why": _WHY},
        ["dockerfile", "why"],
    ),
    _tool(
        "ask",
        "Ask the operator a question that only they can answer.",
        {
            "question": {**_WHY, "description": "The question."},
            "choices": {
                "type": "array",
                "items": {"type": "string", "maxLength": LONGEST_WORD},
                "maxItems": MOST_CHOICES,
                "description": "Answers to choose from, if there are any.",
            },
        },
        ["question"],
    ),
    _tool("status", "How a proposal of yours stands, at once.", {"id": _ID}, ["id"]),
    _tool(
        "wait",
        "Wait for the answer to a proposal. When none came in time, call it again: nothing is lost.",
        {
            "id": _ID,
            "seconds": {
                "type": "integer",
                "minimum": 1,
                "maximum": limits.LONGEST_WAIT,
                "description": f"{limits.WAIT_SECONDS} where left out; more only if your client allows a tool so long.",
            },
        },
        ["id"],
    ),
]

ASKING = {"egress-block", "pipelock-block", "capability-block", "ask"}


def wish_of(tool: str, arguments: object) -> tuple[Wish, str]:
    """What the call of an asking tool asks for, and why. Raises ConfigError."""
    return _READERS[tool](arguments)


def id_of(arguments: object) -> str:
    """The id that `status` is called with. Raises ConfigError."""
    return read_text(read_object(arguments, "arguments", ("id",), ())["id"], "id")


def wait_of(arguments: object) -> tuple[str, int]:
    """The id that `wait` is called with, and how long. Raises ConfigError."""
    fields = read_object(arguments, "arguments", ("id",), ("seconds",))
    seconds = read_integer(fields.get("seconds", limits.WAIT_SECONDS), "seconds", 1, limits.LONGEST_WAIT)
    return read_text(fields["id"], "id"), seconds


def outcome(asked: Asked, now: float) -> dict[str, Any]:
    """How a proposal stands, and what the agent should do about it."""
    state, decision = asked.state(now), asked.decision
    found: dict[str, Any] = {"id": asked.proposal.id, "state": state, "asked_for": asked.proposal.title}
    if decision is not None:
        told = {"scope": decision.scope, "until": decision.until, "reason": decision.reason, "answer": decision.answer}
        found |= {name: value for name, value in told.items() if value}
    return {**found, "next": _NEXT[state]}


_NEXT = {
    "pending": "The operator has not answered yet. Do what else can be done, then call `wait` with this id.",
    "applied": "It holds now: go on.",
    "approved": "The operator agreed, and it is being built; then your box is started anew. Call `wait` with this id.",
    "rejected": "The operator refused. Take the reason into account and go on without.",
    "failed": "The operator agreed, but it could not be made to hold. Go on without.",
    "expired": "Nobody answered. Go on without, or ask anew.",
}


def _egress(arguments: object) -> tuple[Wish, str]:
    fields = read_object(arguments, "arguments", ("host", "why"), ("path", "methods", "port"))
    wish = EgressWish(
        host=read_text(fields["host"], "host"),
        path=read_text(fields.get("path", ""), "path", empty=True),
        methods=read_tuple(fields.get("methods", []), "methods", read_text),
        port=read_integer(fields.get("port", 443), "port", 1, 65535),
    )
    return wish, read_text(fields["why"], "why")


def _scan(arguments: object) -> tuple[Wish, str]:
    fields = read_object(arguments, "arguments", ("fingerprint", "why"), ())
    return ScanWish(read_text(fields["fingerprint"], "fingerprint")), read_text(fields["why"], "why")


def _capability(arguments: object) -> tuple[Wish, str]:
    fields = read_object(arguments, "arguments", ("dockerfile", "why"), ())
    return CapabilityWish(read_text(fields["dockerfile"], "dockerfile")), read_text(fields["why"], "why")


def _question(arguments: object) -> tuple[Wish, str]:
    fields = read_object(arguments, "arguments", ("question",), ("choices",))
    choices = read_tuple(fields.get("choices", []), "choices", read_text)
    return Question(choices), read_text(fields["question"], "question")


_READERS: dict[str, Callable[[object], tuple[Wish, str]]] = {
    "egress-block": _egress,
    "pipelock-block": _scan,
    "capability-block": _capability,
    "ask": _question,
}


def arguments_of(params: Mapping[str, object]) -> tuple[str, object]:
    """The tool that is called and its arguments. Raises ConfigError."""
    name = read_text(params.get("name"), "name")
    if name not in {tool["name"] for tool in TOOLS}:
        raise ConfigError(f"no tool is called that; there are {', '.join(cast('str', tool['name']) for tool in TOOLS)}")
    return name, params.get("arguments", {})

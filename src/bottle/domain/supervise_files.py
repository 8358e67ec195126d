"""Proposals, answers and grants as JSON, and what the server is told at its start.

Reading is strict: an unknown, missing or ill-typed key refuses the whole document. A proposal's file was written beside
untrusted traffic, so it is judged again when the host reads it.
"""

import json
from typing import cast

from attrs import frozen

from bottle.domain.listen import Listen, listen_document, read_listen
from bottle.domain.policy_document import parse_policy, policy_document
from bottle.domain.strict_json import (
    ConfigError,
    JsonObject,
    read_boolean,
    read_integer,
    read_object,
    read_optional,
    read_text,
    read_tuple,
)
from bottle.domain.supervise import (
    KINDS,
    SCOPES,
    STATES,
    CapabilityWish,
    Decision,
    EgressWish,
    Grants,
    InvalidProposalError,
    Proposal,
    Question,
    ScanWish,
    Scope,
    State,
    Wish,
    checked,
)

VERSION = 1
LONGEST_FILE = 32 * 1024
"""In bytes; no proposal and no answer is longer."""


@frozen
class SuperviseStart:
    """Everything that the server is told. `asked` is the directory that it writes proposals to, `told` the one that it
    reads answers and rules from. `tied`: it ends with its standard input."""

    identity: str
    listen: Listen
    asked: str
    told: str
    tied: bool = False


def start_document(start: SuperviseStart) -> JsonObject:
    return {
        "identity": start.identity,
        "listen": listen_document(start.listen),
        "asked": start.asked,
        "told": start.told,
        "tied": start.tied,
    }


def parse_start(data: object) -> SuperviseStart:
    """The start that `start_document` wrote; raises ConfigError."""
    fields = read_object(data, "the document", ("identity", "listen", "asked", "told"), ("tied",))
    return SuperviseStart(
        identity=read_text(fields["identity"], "identity"),
        listen=read_listen(fields["listen"], "listen"),
        asked=read_text(fields["asked"], "asked"),
        told=read_text(fields["told"], "told"),
        tied=read_boolean(fields.get("tied", False), "tied"),
    )


def proposal_document(proposal: Proposal) -> JsonObject:
    return {
        "version": VERSION,
        "id": proposal.id,
        "identity": proposal.identity,
        "kind": proposal.kind,
        "asked_at": proposal.asked_at,
        "why": proposal.why,
        "wish": wish_document(proposal.wish),
    }


def wish_document(wish: Wish) -> JsonObject:
    match wish:
        case EgressWish():
            return {"host": wish.host, "path": wish.path, "methods": list(wish.methods), "port": wish.port}
        case ScanWish():
            return {"fingerprint": wish.fingerprint}
        case CapabilityWish():
            return {"dockerfile": wish.fragment}
        case Question():
            return {"choices": list(wish.choices)}


def parse_proposal(data: object) -> Proposal:
    """The proposal, judged. Raises ConfigError."""
    fields = read_object(data, "proposal", ("version", "id", "identity", "kind", "asked_at", "why", "wish"), ())
    read_integer(fields["version"], "version", VERSION, VERSION)
    proposal = Proposal(
        id=read_text(fields["id"], "id"),
        identity=read_text(fields["identity"], "identity"),
        asked_at=_seconds(fields["asked_at"], "asked_at"),
        why=read_text(fields["why"], "why"),
        wish=_wish(_one_of(fields["kind"], "kind", KINDS), fields["wish"]),
    )
    try:
        return checked(proposal)
    except InvalidProposalError as error:
        raise ConfigError(str(error)) from None


def decision_document(decision: Decision) -> JsonObject:
    return {
        "version": VERSION,
        "id": decision.id,
        "state": decision.state,
        "decided_at": decision.decided_at,
        "by": decision.by,
        "scope": decision.scope,
        "until": decision.until,
        "reason": decision.reason,
        "answer": decision.answer,
    }


def parse_decision(data: object) -> Decision:
    """The answer that `decision_document` wrote. Raises ConfigError."""
    required = ("version", "id", "state", "decided_at", "by", "scope", "until", "reason", "answer")
    fields = read_object(data, "decision", required, ())
    read_integer(fields["version"], "version", VERSION, VERSION)
    return Decision(
        id=read_text(fields["id"], "id"),
        state=cast("State", _one_of(fields["state"], "state", STATES)),
        decided_at=_seconds(fields["decided_at"], "decided_at"),
        by=read_text(fields["by"], "by", empty=True),
        scope=cast(
            "Scope | None", read_optional(fields["scope"], "scope", lambda value, at: _one_of(value, at, SCOPES))
        ),
        until=read_optional(fields["until"], "until", _seconds),
        reason=read_text(fields["reason"], "reason", empty=True),
        answer=read_text(fields["answer"], "answer", empty=True),
    )


def grants_document(grants: Grants) -> JsonObject:
    """What the way out was told; slot names, no values."""
    granted = [policy_document(type(grants.base)((route,)))["routes"] for route in grants.granted]
    return {
        "version": grants.version,
        "base": policy_document(grants.base),
        "granted": [route for routes in granted for route in cast("list[object]", routes)],
        "approved": list(grants.approved),
    }


def parse_grants(data: object) -> Grants:
    """The grants that `grants_document` wrote. Raises ConfigError."""
    fields = read_object(data, "grants", ("version", "base", "granted"), ("approved",))
    return Grants(
        base=parse_policy(fields["base"]),
        granted=parse_policy({"routes": fields["granted"]}).routes,
        version=read_integer(fields["version"], "version", 0, 2**53),
        approved=read_tuple(fields.get("approved", []), "approved", read_text),
    )


def decoded(content: bytes) -> object:
    """The JSON value of a file. Raises ConfigError."""
    if len(content) > LONGEST_FILE:
        raise ConfigError(f"longer than {LONGEST_FILE} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ConfigError("no JSON document") from None


def _wish(kind: str, data: object) -> Wish:
    if kind == "egress-block":
        fields = read_object(data, "wish", ("host", "path", "methods", "port"), ())
        return EgressWish(
            host=read_text(fields["host"], "wish.host"),
            path=read_text(fields["path"], "wish.path", empty=True),
            methods=read_tuple(fields["methods"], "wish.methods", read_text),
            port=read_integer(fields["port"], "wish.port", 1, 65535),
        )
    if kind == "pipelock-block":
        fields = read_object(data, "wish", ("fingerprint",), ())
        return ScanWish(read_text(fields["fingerprint"], "wish.fingerprint"))
    if kind == "capability-block":
        fields = read_object(data, "wish", ("dockerfile",), ())
        return CapabilityWish(read_text(fields["dockerfile"], "wish.dockerfile"))
    fields = read_object(data, "wish", ("choices",), ())
    return Question(read_tuple(fields["choices"], "wish.choices", read_text))


def _seconds(data: object, where: str) -> float:
    if type(data) not in (int, float) or not 0 <= cast("float", data) < 2**40:
        raise ConfigError(f"{where}: seconds since the epoch belong here")
    return float(cast("float", data))


def _one_of(data: object, where: str, known: tuple[str, ...]) -> str:
    if not isinstance(data, str) or data not in known:
        raise ConfigError(f"{where}: one of {', '.join(known)} belongs here")
    return data

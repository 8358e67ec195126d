"""Proposals as a person and a script read them. The agent's words are shown, never obeyed."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from bottle.cli.columns import plain, table
from bottle.cli.streams import obeys, say, terminal_width
from bottle.domain.supervise import Asked, CapabilityWish, Decision, EgressWish, Question, ScanWish, State
from bottle.domain.supervise_files import wish_document
from bottle.domain.trail import Entry

Document = dict[str, Any]
_MOST_FOUND = 3


def document(asked: Asked, state: State) -> Document:
    proposal = asked.proposal
    return {
        "id": proposal.id,
        "identity": proposal.identity,
        "kind": proposal.kind,
        "state": state,
        "title": proposal.title,
        "why": proposal.why,
        "wish": wish_document(proposal.wish),
        "asked_at": _time(proposal.asked_at),
        "decision": None if asked.decision is None else decision_of(asked.decision),
    }


def decision_of(decision: Decision) -> Document:
    return {
        "id": decision.id,
        "state": decision.state,
        "scope": decision.scope,
        "until": None if decision.until is None else _time(decision.until),
        "reason": decision.reason,
        "answer": decision.answer,
        "by": decision.by,
        "decided_at": _time(decision.decided_at),
    }


def proposal_table(shown: Iterable[tuple[Asked, State]]) -> str:
    headings = ("ID", "BOTTLE", "KIND", "STATE", "ASKED", "FOR")
    rows = (
        (
            asked.proposal.id,
            asked.proposal.identity,
            asked.proposal.kind,
            state,
            _time(asked.proposal.asked_at),
            asked.proposal.title,
        )
        for asked, state in shown
    )
    return table(rows, headings, width=terminal_width(), spare=("ASKED", "KIND"), cuts=True)


def whole(asked: Asked, state: State, concerns: Sequence[str], found: Sequence[Entry] = ()) -> str:
    """Everything about one proposal. The agent's lines stand indented, so that none passes for one of ours. `found` is
    what the scanner refused under the fingerprint that it is about."""
    proposal, wish = asked.proposal, asked.proposal.wish
    lines = [
        ("id", proposal.id),
        ("bottle", proposal.identity),
        ("kind", proposal.kind),
        ("state", state),
        ("asked", _time(proposal.asked_at)),
        ("for", proposal.title),
        *_several("why", proposal.why.splitlines()),
        *(_several("dockerfile", wish.fragment.splitlines()) if isinstance(wish, CapabilityWish) else ()),
        *_several("found", [finding(entry) for entry in found[-_MOST_FOUND:]]),
        *_several("note", concerns),
        *_answered(asked.decision),
        *(_several("answer by", _ways(asked)) if state == "pending" else ()),
    ]
    return table(lines, width=terminal_width(), cuts=True)


def finding(entry: Entry) -> str:
    """What the scanner found, by which rule and on the way to where."""
    return f"{entry.rule}: {entry.reason}, on the way to {entry.host}{entry.path}"


def call(asked: Asked) -> None:
    """Rings the terminal's bell, where there is a terminal, and says in its title who asks, where it has one."""
    title = f"\033]0;bottle: {plain(asked.proposal.identity)} asks\a" if obeys() else ""
    if sys.stderr.isatty():
        say(f"\a{title}")


def _ways(asked: Asked) -> Sequence[str]:
    number, wish = asked.proposal.id, asked.proposal.wish
    if isinstance(wish, Question):
        yes = f"bottle supervise approve {number} --answer TEXT"
    elif isinstance(wish, EgressWish):
        yes = f"bottle supervise approve {number} [--once | --minutes N | --keep] [--edit]"
    elif isinstance(wish, ScanWish):
        yes = f"bottle supervise approve {number} [--keep]"
    else:
        yes = f"bottle supervise approve {number} [--keep] [--dockerfile FILE] [--by-hand]"
    return (yes, f"bottle supervise reject {number} --reason TEXT")


def _answered(decision: Decision | None) -> Iterable[tuple[str, str]]:
    if decision is None:
        return
    until = "" if decision.until is None else f" until {_time(decision.until)}"
    yield "decided", f"{_time(decision.decided_at)} by {decision.by}"
    if decision.scope:
        yield "scope", f"{decision.scope}{until}"
    for name, text in (("answer", decision.answer), ("reason", decision.reason)):
        if text:
            yield name, text


def _several(title: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(title if index == 0 else "", line) for index, line in enumerate(lines)]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

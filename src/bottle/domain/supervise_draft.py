"""A yes as a text that an operator edits: what is granted, for how long, and a word to the agent.

None of the agent's own words stand in it but a destination in normal form: editors obey some words (modelines).
"""

import re
from collections.abc import Mapping

from attrs import frozen

from bottle.domain.names import did_you_mean
from bottle.domain.supervise import EgressWish, InvalidProposalError, Scope

_HEAD = """\
# What a yes will grant. Lines with a # are not read; where nothing else is left, nothing is taken over.
"""
_SCOPES = (
    "# for how long: once, a number of minutes such as `30 minutes`, bottle (as long as it runs), or keep (for good)"
)
_FIELDS = ("host", "path", "methods", "port", "for", "reason")
_MINUTES = re.compile(r"([0-9]{1,6}) minutes?\Z")
_WORDS: Mapping[str, Scope] = {"once": "once", "bottle": "bottle", "keep": "kept"}


@frozen
class Draft:
    """A yes to a destination. `minutes` goes with the scope of that name."""

    wish: EgressWish
    scope: Scope = "bottle"
    minutes: int = 0
    reason: str = ""


def draft_text(draft: Draft) -> str:
    """The draft, for an editor."""
    wish = draft.wish
    length = (
        f"{draft.minutes} minutes" if draft.scope == "minutes" else "keep" if draft.scope == "kept" else draft.scope
    )
    lines = (
        f"host: {wish.host}",
        "# this path and all below it; empty for any",
        f"path: {wish.path}",
        "# such as GET, HEAD; empty for any",
        f"methods: {', '.join(wish.methods)}",
        f"port: {wish.port}",
        _SCOPES,
        f"for: {length}",
        "# a word to the agent",
        f"reason: {draft.reason}",
    )
    return _HEAD + "\n".join(lines) + "\n"


def read_draft(text: str) -> Draft | None:
    """What the text says; None where nothing is left in it. Raises InvalidProposalError.

    What is granted is judged by whoever grants it: here it is only read.
    """
    fields = _fields(text)
    if not fields:
        return None
    missing = next((name for name in _FIELDS if name not in fields), None)
    if missing is not None:
        raise InvalidProposalError(f"`{missing}:` is missing")
    if not re.fullmatch(r"[0-9]{1,5}", fields["port"]):
        raise InvalidProposalError("port: a number belongs here")
    methods = tuple(word.upper() for word in re.split(r"[,\s]+", fields["methods"]) if word)
    scope, minutes = _scope(fields["for"])
    return Draft(
        EgressWish(fields["host"], fields["path"], methods, int(fields["port"])), scope, minutes, fields["reason"]
    )


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or name not in _FIELDS:
            hint = did_you_mean(name, _FIELDS)
            raise InvalidProposalError(f"{line.strip()!r} is no field{f'; {hint}' if hint else ''}")
        if name in fields:
            raise InvalidProposalError(f"`{name}:` stands there twice")
        fields[name] = value
    return fields


def _scope(text: str) -> tuple[Scope, int]:
    minutes = _MINUTES.match(text)
    if minutes:
        return "minutes", int(minutes[1])
    if text not in _WORDS:
        raise InvalidProposalError("for: once, bottle, keep, or a number of minutes such as `30 minutes`")
    return _WORDS[text], 0

"""Names of bottles, agents and running identities, and the nearest known word for a mistyped one."""

import difflib
import re
from collections.abc import Iterable

ENTITY = re.compile(r"[a-z][a-z0-9-]{0,56}\Z")
"""What a bottle, an agent or a provider template may be called. With its suffix it still fits a DNS label."""

IDENTITY = re.compile(r"[a-z][a-z0-9-]{0,56}-[a-z0-9]{5}\Z")
"""`<agent>-<suffix>`: one run of one agent."""

SUFFIX_LENGTH = 5
SUFFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def is_entity_name(name: str) -> bool:
    return ENTITY.match(name) is not None


def is_identity(text: str) -> bool:
    return IDENTITY.match(text) is not None


def identity_of(agent: str, suffix: str) -> str:
    """The slug of one run. `suffix` is SUFFIX_LENGTH characters of SUFFIX_ALPHABET, drawn by the caller."""
    return f"{agent}-{suffix}"


def agent_of(identity: str) -> str:
    """Whose run it is."""
    return identity.rpartition("-")[0]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None when nothing is close."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint for a word that is not known: the nearest one, else the list of all."""
    names = sorted(known)
    near = nearest(word, names)
    if near is not None:
        return f"did you mean '{near}'?"
    return f"known: {', '.join(names)}" if names else None

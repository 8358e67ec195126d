"""What an unquoted word of a manifest is: a text, a number, `true`, `false`, `null`, or not to be told.

YAML's versions and parsers disagree on many bare words (`no`, `0o17`, `12:30`, `2026-05-24`). Such a word is refused,
with the spelling that leaves no doubt.
"""

import re

from bottle.adapters.manifests.nodes import Value

_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None, "": None}
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}\Z")

_TRUTH = {"yes": "true", "on": "true", "y": "true", "true": "true"}
_FALSEHOOD = {"no": "false", "off": "false", "n": "false", "false": "false"}
_NUMBER = ", or a plain decimal number"
_SHAPES = (
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?\Z"), "a date to some parsers", ""),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-9]{1,2})+(?:\.[0-9_]*)?\Z"), "a time to some parsers", ""),
    (re.compile(r"[-+]?0(?:[xX][0-9a-fA-F_]*|[oO][0-7_]*|[bB][01_]*)\Z"), "a number to some parsers", _NUMBER),
    (re.compile(r"[-+]?\.(?:inf|nan)\Z", re.IGNORECASE), "no number that a manifest could mean", ""),
    (re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]*)?\Z"), "a number spelled in doubt", _NUMBER),
    (re.compile(r"[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]*)?\Z"), "a number spelled in doubt", _NUMBER),
    (re.compile(r"(?:<<|=)\Z"), "a sign with a meaning of its own in YAML", ""),
)
_SHOWN = 20


class AmbiguousWordError(ValueError):
    """The word has no single meaning. The message says why; `remedy` what to write."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


def meaning(word: str) -> Value:
    """The value of an unquoted word. Raises AmbiguousWordError."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _INTEGER.match(word):
        return int(word)
    if _DECIMAL.match(word):
        return float(word)
    _refuse_doubtful(word)
    return word


def _refuse_doubtful(word: str) -> None:
    truth = {**_TRUTH, **_FALSEHOOD}.get(word.lower())
    if truth is not None:
        reason = f"`{word}` is a truth value to some parsers and a text to others"
        raise AmbiguousWordError(reason, f'write `{truth}`, or `"{word}"` for the text')
    if word == "~" or word.lower() == "null":
        reason = f"`{word}` is one of many spellings of `null`"
        raise AmbiguousWordError(reason, f'write `null`, or `"{word}"` for the text')
    for shape, title, otherwise in _SHAPES:
        if shape.match(word):
            shown = word if len(word) <= _SHOWN else f"{word[:_SHOWN]}..."
            raise AmbiguousWordError(f"`{shown}` is {title}", f'write `"{shown}"` for the text{otherwise}')

"""Patterns of Rust's and PCRE's dialect in RE2's: no free spacing, no repetition that RE2 refuses."""

import re
from typing import Final

_FLAGS: Final = re.compile(r"\A\s*\(\?([a-z]+)\)")
_TOKEN: Final = re.compile(r"(?P<kept>\\.|\[:\^?[a-z]+:\])|(?P<open>\[\^?\]?)|(?P<close>\])|(?P<space>\s)|.", re.DOTALL)
_REMARK: Final = re.compile(r"\(\?#[^)]*\)|#[^\n]*")
_REPETITION: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST: Final = 200
"""RE2 refuses more than 1000 repetitions, nested ones multiplied, and an automaton grows with each."""
_GAP: Final = 100


def re2_pattern(pattern: str) -> str:
    """The same language, save that long gaps are made shorter, and of long texts only the first part counts."""
    flags = _FLAGS.match(pattern)
    if flags and "x" in flags[1]:
        rest = flags[1].replace("x", "")
        pattern = (f"(?{rest})" if rest else "") + _without_spacing(pattern[flags.end() :])
    return _REPETITION.sub(_eased, pattern)


def _without_spacing(pattern: str) -> str:
    """Free spacing as Rust has it: white space counts nowhere, in classes neither; remarks stand between them."""
    kept, in_class, at = [], False, 0
    while at < len(pattern):
        token = (None if in_class else _REMARK.match(pattern, at)) or _TOKEN.match(pattern, at)
        if token is None:
            break
        at = token.end()
        text, kind = token[0], token.lastgroup
        if token.re is _REMARK or kind == "space":
            continue
        if kind == "open" and in_class:
            text, at = r"\[", token.start() + 1  # in a class it is a character like others
        in_class = kind == "open" or (in_class and kind != "close")
        kept.append(text)
    return "".join(kept)


def _eased(repetition: re.Match[str]) -> str:
    low = int(repetition[1])
    high = low if repetition[2] is None else int(repetition[2] or 0)
    if high < _MOST and low < _MOST:
        return repetition[0]
    return f"{{{min(low, _MOST)},}}" if low else f"{{0,{_GAP}}}"

"""Whether what a pattern matched is a secret: its entropy, and whether it looks drawn by chance."""

import math
import re
from collections import Counter
from typing import Final

# On the few bytes of one candidate, and each of these is linear.
_PART: Final = re.compile(rb"[0-9A-Za-z]+")
_DIGITS: Final = b"0123456789"
_RUN: Final = re.compile(rb"[0-9]+")
_LEAST: Final = 12
_MOSTLY: Final = 0.6
_FEW_RUNS: Final = 2
_LONG_NUMBER: Final = 5
_A_FIFTH: Final = 0.2


def entropy(data: bytes) -> float:
    """Shannon's, in bits a byte."""
    size = len(data)
    if not size:
        return 0.0
    return math.log2(size) - sum(count * math.log2(count) for count in Counter(data).values()) / size


def is_random(data: bytes) -> bool:
    """Whether a text looks drawn by chance rather than written: no word, name, path, date, version or number.

    Its parts (what punctuation separates) mix letters and digits for the most part, and the digits stand in several
    places or are many, unlike those of `base64ToUtf8`, `X25519PrivateKey`, `create0_pkcs12` or `2024-01-31T10`.
    """
    parts = _PART.findall(data)
    mixed = [part for part in parts if _is_mixed(part)]
    telling = sum(map(len, mixed))
    if not mixed:
        return False
    size = sum(map(len, parts))
    if telling < size and sum(len(part.translate(None, _DIGITS)) for part in parts) >= size * _A_FIFTH:
        telling += sum(len(part) for part in parts if part.isdigit())
    if telling < _LEAST or telling < size * _MOSTLY:
        return False
    runs = [len(run) for part in mixed for run in _RUN.findall(part)]
    few = len(runs) == _FEW_RUNS and sum(runs) >= size * _A_FIFTH
    return few or len(runs) > _FEW_RUNS or max(runs) > _LONG_NUMBER


def _is_mixed(part: bytes) -> bool:
    """Letters, and more than the one digit of `utf8` or `v2`."""
    letters = len(part.translate(None, _DIGITS))
    return 0 < letters < len(part) - 1

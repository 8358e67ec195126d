"""Lengths of time as people write them."""

import re
from typing import Final

_FORM: Final = re.compile(r"([0-9]{1,9})([smhd]?)\Z")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """`90`, `90s`, `30m`, `2h`, `7d` in seconds, more than none. Raises ValueError for anything else."""
    match = _FORM.match(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if seconds <= 0:
        raise ValueError(f"'{text}' is no length of time: 90s, 30m, 2h, 7d")
    return float(seconds)


def told(seconds: float) -> str:
    """A length of time in its largest whole unit: `45s`, `12m`, `3h`, `9d`."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(int(seconds), 0)}s"

"""What the probe (sidecars/probe) reports of a box, and the walls that every box has which it looks at."""

import json
from collections.abc import Mapping
from typing import Any

from bottle.domain.errors import WallsError

Walls = list[tuple[bool, str]]
"""Whether each holds, and what to say where it does not."""

_CAPABILITIES = ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")


def reported(output: bytes) -> Mapping[str, Any]:
    """The report. Raises WallsError where there is none, or none that is understood."""
    try:
        report = json.loads(output)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise WallsError("a wall could not be proved: probe: it did not come to its end")
    return report


def privileges(report: Mapping[str, Any]) -> Walls:
    """That the agent has none, and can have none."""
    status = report.get("status", {})
    return [
        (report.get("uid", 0) != 0, "user: the agent is root"),
        (all(_is_zero(status.get(name)) for name in _CAPABILITIES), "capabilities: some"),
        (status.get("NoNewPrivs") == "1", "privileges: new ones can be had"),
        (status.get("Seccomp") == "2", "system calls: nothing filters them"),
    ]


def _is_zero(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not value.strip("0")

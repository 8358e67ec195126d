"""What a bottle's trail comes to: for each host how much passed, and what was refused or failed for which reason."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import define, field, frozen

from bottle.domain.trail import COUNTED, fields_of

MOST_KEPT = 1000
"""Hosts, and reasons, that are told apart: the agent chooses how many it asks for. What exceeds it is one more."""
OTHERS = "(others)"
_PASSED = ("route", "allowed")
"""The rules under which all went well, of the way out and of the gate."""


@frozen
class HostTraffic:
    """What one host was asked and answered; bytes of bodies."""

    host: str
    allowed: int
    refused: int
    bytes_out: int
    bytes_in: int


@frozen
class Mishap:
    """So many times the same refusal, or the same failure on the way."""

    host: str
    rule: str
    reason: str
    count: int


@frozen
class Traffic:
    """All of it: hosts by the number of requests, mishaps by how often they happened."""

    hosts: tuple[HostTraffic, ...] = ()
    mishaps: tuple[Mishap, ...] = ()

    @property
    def requests(self) -> int:
        return sum(host.allowed + host.refused for host in self.hosts)

    @property
    def refused(self) -> int:
        return sum(host.refused for host in self.hosts)


def traffic_of(lines: Iterable[str]) -> Traffic:
    """What the lines of a trail say. They are data from beside the agent: what is no line of ours is passed over."""
    count = _Count()
    for line in lines:
        entry = fields_of(line)
        if entry is not None:
            count.take(entry)
    return count.traffic()


@define
class _Count:
    """What was counted so far. A request whose end never came counts by its beginning."""

    _begun: dict[str, str] = field(factory=dict)
    _sums: dict[str, Counter[str]] = field(factory=dict)
    _mishaps: Counter[tuple[str, str, str]] = field(factory=Counter)

    def take(self, entry: dict[str, Any]) -> None:
        identity, kind, host = str(entry.get("id")), entry.get("kind"), str(entry.get("host") or "")
        if kind == "opened" and len(self._begun) < MOST_KEPT:
            self._begun[identity] = host
        if kind not in COUNTED:
            return
        self._begun.pop(identity, None)
        sums = self._of(host)
        allowed = entry.get("allowed") is True
        sums["allowed" if allowed else "refused"] += 1
        for key in ("bytes_out", "bytes_in"):
            sums[key] += _number(entry.get(key))
        if not allowed or entry.get("rule") not in _PASSED:
            self._note((host, str(entry.get("rule")), str(entry.get("reason"))))

    def traffic(self) -> Traffic:
        for host in self._begun.values():
            self._of(host)["allowed"] += 1
        self._begun.clear()
        hosts = [HostTraffic(host, *(sums[key] for key in _KEYS)) for host, sums in self._sums.items()]
        hosts.sort(key=lambda host: (-host.allowed - host.refused, host.host))
        mishaps = [Mishap(*what, count) for what, count in self._mishaps.items()]
        mishaps.sort(key=lambda mishap: (-mishap.count, mishap.host, mishap.rule))
        return Traffic(tuple(hosts), tuple(mishaps))

    def _of(self, host: str) -> Counter[str]:
        if host not in self._sums and len(self._sums) >= MOST_KEPT:
            host = OTHERS
        return self._sums.setdefault(host, Counter())

    def _note(self, what: tuple[str, str, str]) -> None:
        if what not in self._mishaps and len(self._mishaps) >= MOST_KEPT:
            what = (OTHERS, "", "")
        self._mishaps[what] += 1


_KEYS = ("allowed", "refused", "bytes_out", "bytes_in")


def _number(value: object) -> int:
    return value if type(value) is int and 0 <= value < 2**63 else 0

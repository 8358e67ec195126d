"""The trail: one JSON line a decision, on disk before the first byte of what it allows has left.

No line is ever removed: a file that is full gets a number (`audit-000001.jsonl`) and the trail goes on in a new one.
A line never holds a header, a body, a query or a value that the sidecar keeps. When a line cannot be written,
AuditError says so and nothing is let out: a way out without evidence is closed.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from attrs import define

from bottle.domain.secret_forms import SHORTEST
from sidecars.egress import limits
from sidecars.evidence.files import AuditError, Lines

Kind = Literal["http", "tunnel", "dns"]

_text = json.encoder.encode_basestring_ascii
_NOTHING_YET: Final = ',"status":null,"bytes_out":0,"bytes_in":0,"ms":0.0}\n'


@define(eq=False)
class Entry:
    """One exchange in the trail. Only `close` of the trail reads what was counted meanwhile."""

    number: int
    kind: Kind
    method: str
    host: str
    port: int
    path: str
    query: bool
    started: float
    allowed: bool = False
    rule: str = "default"
    reason: str = ""
    facts: str = ""
    """The text of all from `method` to `reason`, where it is known already; whoever changes one of these empties it."""
    status: int | None = None
    bytes_out: int = 0
    bytes_in: int = 0


class Trail:
    """Appends lines to `audit.jsonl` in a directory, and to its successors."""

    def __init__(self, directory: str, identity: str) -> None:
        """Raises OSError when the file cannot be opened for appending."""
        self._lines = Lines(Path(directory), "audit", most=limits.AUDIT_FILE, total=limits.AUDIT_TOTAL)
        self._whose = f'"identity":{_text(identity)},"id":"{time.time_ns() // 1_000_000:x}'
        self.count = 0
        """How many exchanges there were."""
        self._waiting: list[str] = []
        self._secrets: tuple[str, ...] = ()
        self._second, self._second_text = 0, ""
        self._millisecond, self._millisecond_text = 0, ""

    def withhold(self, secrets: Iterable[str]) -> None:
        """From now on these values are masked wherever they stand in a line (a path can hold a token)."""
        long_enough = (secret for secret in secrets if len(secret) >= SHORTEST)
        self._secrets = tuple(sorted(long_enough, key=len, reverse=True))

    def entry(self, kind: Kind, method: str, host: str, port: int, path: str, *, query: bool = False) -> Entry:
        """A new exchange; nothing is written yet."""
        self.count += 1
        return Entry(self.count, kind, method, host, port, path, query, time.monotonic())

    def open(self, entry: Entry) -> None:
        """Writes that the exchange begins, now. Raises AuditError; then nothing may be sent."""
        self._waiting.append(f"{self._lead(entry, 'opened')}{_NOTHING_YET}")
        try:
            self._lines.append(self._waiting)
        except AuditError:
            self._waiting.pop()  # it has not begun
            raise

    def close(self, entry: Entry) -> None:
        """Notes how the exchange, or the refusal, ended. It is written with the next line or `flush`."""
        self._waiting.append(self._line(entry))
        if len(self._waiting) > limits.AUDIT_LINES_WAITING:
            self.flush()
            del self._waiting[: -limits.AUDIT_LINES_WAITING]

    def flush(self) -> None:
        """Writes what waits. Where that fails nothing is left to be stopped: the next `open` fails just the same."""
        if self._waiting:
            try:
                self._lines.append(self._waiting)
            except AuditError:
                pass

    def _lead(self, entry: Entry, kind: str) -> str:
        return (
            f'{{"time":"{self._now()}",{self._whose}-{entry.number}","kind":"{kind}",{entry.facts or self.facts(entry)}'
        )

    def _line(self, entry: Entry) -> str:
        return (
            f'{self._lead(entry, entry.kind)},"status":{"null" if entry.status is None else entry.status},'
            f'"bytes_out":{entry.bytes_out},"bytes_in":{entry.bytes_in},'
            f'"ms":{(time.monotonic() - entry.started) * 1000:.1f}}}\n'
        )

    def facts(self, entry: Entry) -> str:
        """The part of a line that says what was asked and decided, without what is withheld."""
        return (
            f'"method":{_text(entry.method)},"host":{self._safe(entry.host)},"port":{entry.port},'
            f'"path":{self._safe(entry.path)},"query":{"true" if entry.query else "false"},'
            f'"allowed":{"true" if entry.allowed else "false"},'
            f'"rule":{_text(entry.rule)},"reason":{self._safe(entry.reason)}'
        )

    def _safe(self, text: str) -> str:
        """The text as a JSON string in ASCII, without what is withheld."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "*" * 8)
        return _text(text)

    def _now(self) -> str:
        """RFC 3339 in UTC with milliseconds, made once for all lines of a millisecond."""
        now = time.time_ns() // 1_000_000
        if now != self._millisecond:
            self._millisecond = now
            second, milliseconds = divmod(now, 1000)
            if second != self._second:
                self._second, self._second_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._millisecond_text = f"{self._second_text}.{milliseconds:03d}Z"
        return self._millisecond_text

"""The gate's trail: one JSON line for each fetch and push, on disk before what it allows has left."""

import json
import threading
import time
from pathlib import Path

from attrs import frozen

from sidecars.evidence.files import AuditError, Lines
from sidecars.gitgate import limits


@frozen
class Line:
    """One thing that was asked of the gate. `kind` is `git`, or `opened` for what begins to leave now."""

    method: str
    host: str
    path: str
    allowed: bool
    rule: str
    reason: str = ""
    kind: str = "git"
    refs: tuple[str, ...] = ()
    ms: float = 0.0


class Trail:
    """Appends lines to `git.jsonl` in a directory, and to its successors; may be used by several threads."""

    def __init__(self, directory: Path, identity: str) -> None:
        """Raises OSError when the file cannot be opened for appending."""
        self._lines = Lines(directory, "git", most=limits.AUDIT_FILE, total=limits.AUDIT_TOTAL)
        self._identity = identity
        self._guard = threading.Lock()

    def write(self, line: Line) -> None:
        """Raises evidence.AuditError; then nothing may leave."""
        now = time.time_ns() // 1_000_000
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000))
        values = {
            "time": f"{stamp}.{now % 1000:03d}Z",
            "identity": self._identity,
            "kind": line.kind,
            "method": line.method,
            "host": line.host,
            "port": 0,
            "path": line.path,
            "allowed": line.allowed,
            "rule": line.rule,
            "reason": line.reason,
            "refs": list(line.refs),
            "status": None,
            "bytes_out": 0,
            "bytes_in": 0,
            "ms": round(line.ms, 1),
        }
        text = json.dumps(values) + "\n"
        if len(text) > limits.AUDIT_LINE:
            raise AuditError("its refs are more than one line can name: push fewer at a time")
        with self._guard:
            self._lines.append([text])

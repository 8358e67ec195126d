"""The gate's trail: one JSON line for each fetch and push, on disk before what it allows has left."""

import json
import os
import threading
import time
from pathlib import Path

from attrs import frozen

from sidecars.gitgate import limits

FILE = "git.jsonl"


class AuditError(Exception):
    """The trail takes no more lines."""


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
    """Appends to a file in a directory; may be used by several threads."""

    def __init__(self, directory: Path, identity: str) -> None:
        """Raises OSError when the file cannot be opened for appending."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(directory / FILE, flags, 0o644)
        self._identity = identity
        self._guard = threading.Lock()

    def write(self, line: Line) -> None:
        """Raises AuditError; then nothing may leave."""
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
        self._append(json.dumps(values).encode("ascii") + b"\n")

    def _append(self, data: bytes) -> None:
        with self._guard:
            try:
                if os.fstat(self._file).st_size + len(data) > limits.AUDIT_FILE:
                    raise AuditError("the trail is full")
                if os.write(self._file, data) != len(data):
                    raise AuditError("the disk is full")
            except OSError as error:
                raise AuditError(error.strerror or "the trail cannot be written") from None

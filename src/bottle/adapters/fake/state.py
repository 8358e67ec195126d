"""The state of bottles in memory."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, field

from bottle.adapters import disk
from bottle.domain.errors import ConflictError, NotFoundError
from bottle.domain.names import is_identity
from bottle.domain.state import Event, Metadata

_POLL_SECONDS = 0.01


@define
class _Kept:
    """What is kept of one identity; `metadata` is None when it is damaged."""

    metadata: Metadata | None
    events: list[Event] = field(factory=list)
    logs: dict[str, bytes] = field(factory=dict)
    held: bool = False
    ending: threading.Lock = field(factory=threading.Lock)


@define
class FakeTrailEnd:
    """ports.TrailEnd over what is in memory: all of it, for it is never long."""

    _lines: Callable[[], Sequence[str]]
    _seen: set[str] = field(factory=set)

    def added(self) -> Sequence[str]:
        new = [line for line in self._lines() if line not in self._seen]
        self._seen.update(new)
        return new

    def close(self) -> None:
        """Nothing is open."""


class FakeState:
    """ports.StateStore. The audit directories alone are real, below `audit_root`: real sidecars write there."""

    def __init__(self, audit_root: Path) -> None:
        self._audit_root = audit_root
        self._kept: dict[str, _Kept] = {}

    def damage(self, identity: str) -> None:
        """Spoils the metadata, as a full disk or a stray editor might."""
        self._of(identity).metadata = None

    def events(self, identity: str) -> Sequence[Event]:
        """What was recorded."""
        return tuple(self._of(identity).events)

    def claim(self, metadata: Metadata) -> None:
        _require_identity(metadata.identity)
        kept = _Kept(metadata)
        if self._kept.setdefault(metadata.identity, kept) is not kept:
            raise ConflictError(f"the identity {metadata.identity} is taken")

    def update(self, metadata: Metadata) -> None:
        self._of(metadata.identity).metadata = metadata

    def read(self, identity: str) -> Metadata:
        metadata = self._of(identity).metadata
        if metadata is None:
            raise ConflictError(f"{identity}/metadata.json: the metadata is damaged")
        return metadata

    def identities(self) -> Sequence[str]:
        return sorted(self._kept)

    def audit_directory(self, identity: str) -> Path:
        self._of(identity)
        directory = self._audit_root / identity
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def audit_lines(self, identity: str, *, follow: bool = False) -> Iterable[str]:
        self._of(identity)
        return self._follow(identity) if follow else iter(self._trail(identity))

    def audit_end(self, identity: str) -> "FakeTrailEnd":
        self._of(identity)
        return FakeTrailEnd(lambda: self._trail(identity))

    def hold(self, identity: str) -> AbstractContextManager[None]:
        return self._holding(self._of(identity))

    def held(self, identity: str) -> bool:
        _require_identity(identity)
        return identity in self._kept and self._kept[identity].held

    def ending(self, identity: str, *, wait: bool = False) -> AbstractContextManager[None]:
        return self._ending(self._of(identity), wait=wait)

    def record(self, event: Event) -> None:
        self._of(event.identity).events.append(event)

    def keep_log(self, identity: str, name: str, content: bytes) -> None:
        self._of(identity).logs[name] = content

    def log(self, identity: str) -> bytes:
        return b"".join(content for _, content in sorted(self._of(identity).logs.items()))

    def size(self, identity: str) -> int:
        self._of(identity)
        return disk.tree_size(self._audit_root / identity)

    def release(self, identity: str) -> None:
        _require_identity(identity)
        self._kept.pop(identity, None)
        directory = self._audit_root / identity
        disk.remove_tree(directory)

    @contextmanager
    def _holding(self, kept: _Kept) -> Iterator[None]:
        if kept.held:
            raise ConflictError("the identity is tended by another process")
        kept.held = True
        try:
            yield
        finally:
            kept.held = False

    @contextmanager
    def _ending(self, kept: _Kept, *, wait: bool) -> Iterator[None]:
        if not kept.ending.acquire(blocking=wait):
            raise ConflictError("the identity is being ended by another process")
        try:
            yield
        finally:
            kept.ending.release()

    def _of(self, identity: str) -> _Kept:
        _require_identity(identity)
        if identity not in self._kept:
            raise NotFoundError(f"no bottle is called '{identity}'")
        return self._kept[identity]

    def _trail(self, identity: str) -> list[str]:
        """What host and sidecar wrote so far, by time."""
        lines = [_line(event) for event in self._kept[identity].events]
        directory = self._audit_root / identity
        for name in ("audit", "git"):
            for path in (*sorted(directory.glob(f"{name}-*.jsonl")), directory / f"{name}.jsonl"):
                lines += path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return sorted(lines, key=_time)

    def _follow(self, identity: str) -> Iterator[str]:
        seen: set[str] = set()
        while identity in self._kept:
            new = [line for line in self._trail(identity) if line not in seen]
            seen.update(new)
            yield from new
            time.sleep(_POLL_SECONDS)


def _require_identity(identity: str) -> None:
    if not is_identity(identity):
        raise NotFoundError(f"no bottle is called {identity!r}")


def _line(event: Event) -> str:
    return json.dumps(
        {
            "time": event.time.astimezone(UTC).isoformat(),
            "identity": event.identity,
            "kind": event.kind,
            "allowed": event.allowed,
            "rule": event.rule,
            "reason": event.reason,
            "status": event.status,
        }
    )


def _time(line: str) -> datetime:
    return datetime.fromisoformat(json.loads(line)["time"])

"""What is kept of a bottle on the host: its metadata, and how it stands."""

from datetime import datetime
from typing import Literal

from attrs import field, frozen

from bottle.domain.backends import BackendName

METADATA_VERSION = 1

Status = Literal["starting", "running", "ended", "lost", "unknown"]
"""`starting`: claimed, not yet handed over. `lost`: nobody tends it; `cleanup` removes what is left.
`unknown`: its backend does not answer."""


@frozen
class Metadata:
    """metadata.json of one identity. Times are UTC, ISO 8601; an empty `ended_at` means that nobody saw it end."""

    identity: str
    agent_name: str
    bottle: str
    backend: BackendName
    started_at: str
    label: str = ""
    color: str = ""
    cwd: str = ""
    copy_cwd: bool = False
    argv: tuple[str, ...] = ()
    detached: bool = False
    ended_at: str = ""
    exit_status: int | None = None
    transcript: tuple[str, ...] = ()
    """Paths in the box that hold the agent's sessions."""
    session_id: str = ""
    """The session of the last headless run; empty where there was none."""
    keep_workspace: bool = False
    include: tuple[str, ...] = ()
    commit: str = ""
    """What the copied working tree had checked out."""
    additions: tuple[str, ...] = ()
    """What the operator said yes to while it ran: lines of a Dockerfile, on top of its image."""
    restart: str = ""
    """The proposal because of which whoever tends the bottle is to start it anew; empty where none is."""
    version: int = METADATA_VERSION


@frozen
class BottleRow:
    """One line of `bottle list`."""

    identity: str
    agent: str
    bottle: str
    backend: BackendName
    label: str
    color: str
    started_at: str
    status: Status
    services: tuple[str, ...] = ()
    pending: int = 0
    ended_at: str = ""
    size: int = 0
    """Bytes that its state takes on this host; 0 where nobody asked."""


@frozen
class Leftover:
    """Something of ours that exists outside a running bottle: what `cleanup` would remove. An image is no bottle's: its
    `identity` is empty."""

    identity: str
    kind: Literal["container", "network", "volume", "machine", "state", "process", "directory", "deploy key", "image"]
    name: str


@frozen
class Event:
    """A line of the audit trail that the host writes: of the bottle's own course, or of what its agent asked for."""

    time: datetime
    identity: str
    rule: str
    reason: str
    allowed: bool = True
    status: int | None = field(default=None)
    kind: Literal["lifecycle", "supervise"] = "lifecycle"

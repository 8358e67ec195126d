"""What the agent may use up, in bytes, seconds and pieces. What goes beyond is refused, never let through unlooked."""

from typing import Final

MEBIBYTE: Final = 1024**2

CONNECTIONS: Final = 32
IDLE_SECONDS: Final = 300.0
"""How long a client may be silent in the middle of a request."""

REQUEST: Final = 64 * MEBIBYTE
"""Of what asks for objects. A push has `PACK`."""

PACK: Final = 2048 * MEBIBYTE
OBJECTS: Final = 2_000_000
OBJECT: Final = 128 * MEBIBYTE
"""The largest object; forges refuse files from 100 MB on."""

ROOM: Final = 256 * MEBIBYTE
"""What must be free where the repositories lie before more is put there."""

DELTAS: Final = 4095
"""How deep deltas may stand on one another: git makes none beyond (git-pack-objects(1), `--depth`)."""

CONTENT: Final = 16 * 1024 * MEBIBYTE
"""All new objects of a push, unpacked."""

UNPACKED: Final = 512 * MEBIBYTE
"""What archives in a push may unpack to."""

NESTING: Final = 5
"""Archives in archives."""

PROGRAM_MEMORY: Final = 3072 * MEBIBYTE
"""Address space of each program that touches what the agent sent."""

SEARCH_SPACE: Final = 12 * 1024 * MEBIBYTE
"""Address space for gitleaks, which reserves much more than it uses: that is held to `SEARCH_MEMORY`."""

SEARCH_MEMORY: Final = 1024 * MEBIBYTE

PROGRAM_SECONDS: Final = 1800
"""Processor time of each of them."""

SERVE_SECONDS: Final = 3600.0
REFRESH_SECONDS: Final = 600.0
FORWARD_SECONDS: Final = 900.0
STALLED_SECONDS: Final = 300
"""How long an upstream over HTTPS may say nothing at all."""

LOOK_SECONDS: Final = 600.0
"""For one question to git about a repository."""

SEARCH_SECONDS: Final = 600.0
"""For one batch of what gitleaks searches."""

BATCH: Final = 48 * MEBIBYTE
"""What gitleaks searches at a time, while the next is gathered: twice this lies in memory."""

AUDIT_FILE: Final = 64 * MEBIBYTE
"""Of one file of the trail; then it goes on in another."""

AUDIT_LINE: Final = 128 * 1024
"""Of one line, which names every ref of a push: the host reads no further than twice this (adapters/state/tail.py)."""

AUDIT_TOTAL: Final = 256 * MEBIBYTE
"""Of all; then nothing more is let out: a box cannot fill its host's disk."""

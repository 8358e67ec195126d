"""A bottle whose state is kept."""

from bottle.domain.state import Metadata

DEMO = Metadata("demo-abc12", "demo", "dev", "docker", "2026-01-01T00:00:00+00:00")

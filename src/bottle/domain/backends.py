"""The kinds of box that there are."""

from typing import Literal

BackendName = Literal["docker", "smolmachines", "bubblewrap"]
BACKENDS: tuple[BackendName, ...] = ("docker", "smolmachines", "bubblewrap")
EXPERIMENTAL: frozenset[BackendName] = frozenset({"smolmachines"})
"""Backends that are taken where they are named, and nowhere else."""

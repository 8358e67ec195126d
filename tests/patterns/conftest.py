"""All rules, read from their packages and compiled once on this machine."""

from pathlib import Path

import pytest

from sidecars.scanner.patterns import store
from sidecars.scanner.patterns.engine import Patterns
from tests.egress.conftest import bottle_ca, make_origin, make_sidecar, world_ca
from tests.support.secret_rules import shared_rules

__all__ = ["bottle_ca", "compiled", "make_origin", "make_sidecar", "patterns", "world_ca"]


@pytest.fixture(scope="session")
def compiled() -> Path:
    """A directory with all rules, as this source and these engines compile them."""
    return shared_rules().place


@pytest.fixture(scope="session")
def patterns(compiled: Path) -> Patterns:
    return store.load(compiled)

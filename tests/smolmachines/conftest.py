"""A bottle on a machine, and `smolvm` itself."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import frozen

from bottle.adapters import process
from bottle.adapters.process import Finished
from bottle.app.ports import Backend, Bottle
from bottle.domain.plan import BottlePlan
from tests.support import bottles, smolmachines
from tests.support.requirements import require

Smolvm = Callable[..., Finished]
"""Runs `smolvm` with these words."""


@frozen
class Stage:
    """A bottle that runs, with one value in its environment that is in no plan."""

    backend: Backend
    bottle: Bottle
    plan: BottlePlan
    data: Path
    smolvm: Smolvm


def program(data: Path, **changed: str) -> Smolvm:
    """The one whose state is below `data`."""

    def run(*words: str, stdin: bytes = b"") -> Finished:
        return process.run(["smolvm", *words], timeout=60, stdin=stdin, env=smolmachines.environ(data, **changed))

    return run


@pytest.fixture
def data() -> Iterator[Path]:
    """Short: sockets lie below it."""
    require("smolmachines")
    with tempfile.TemporaryDirectory(prefix="bottle-machines-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One bottle for all tests of a file that only look."""
    require("smolmachines")
    data = tmp_path_factory.mktemp("machines")
    backend = smolmachines.backend("tests:machines", data)
    plan = bottles.a_plan(smolmachines.images_for_tests(), host_env=["CLOSED"])
    with bottles.launched(backend, plan, bottles.a_cargo(env={"CLOSED": "made-up-value-77e1"})) as bottle:
        yield Stage(backend, bottle, plan, data, program(data))


def left(backend: Backend) -> Sequence[str]:
    """What is still there."""
    return [leftover.name for leftover in backend.leftovers()]

"""What an agent uses up is its own: the host goes on, the box may die."""

import time
from collections.abc import Iterator

import pytest

from bottle.domain.errors import BackendError
from bottle.domain.manifest import Resources
from tests.support import bottles
from tests.support.requirements import require
from tests.walls.conftest import REQUIRED, Box, describe, launched_embedded

MEBIBYTE = 1024**2


@pytest.fixture(params=list(REQUIRED))
def small(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box with tight limits, a new one for each attack."""
    require(REQUIRED[request.param])
    # gVisor's kernel is a process of the box's: its own threads and memory count.
    resources = Resources(memory=512 * MEBIBYTE, cpus=1.0, pids=512 if request.param == "gvisor" else 64)
    if request.param == "bubblewrap":
        with launched_embedded(bottles.a_plan(bottles.PROGRAMS, resources=resources), owner="limits") as box:
            yield box
        return
    backend = bottles.docker_backend(f"limits:{request.param}", gvisor=request.param == "gvisor")
    plan = bottles.a_plan(bottles.images_for_tests(), resources=resources)
    with bottles.launched(backend, plan) as bottle:
        yield describe(bottle, backend, request.param)


def test_a_fork_bomb_stays_inside(small: Box) -> None:
    try:
        small.bottle.run(["sh", "-c", "for i in $(seq 500); do sleep 30 & done; wait"], timeout=5)
    except BackendError:
        pass
    began = time.monotonic()
    listed = small.backend.running()
    assert any(running.identity == small.bottle.identity for running in listed)
    assert time.monotonic() - began < 5, "the host is slow to answer"


def test_a_memory_hog_dies_alone(small: Box) -> None:
    hog = "x = []\nwhile True: x.append(b'x' * 10**7)"
    try:
        status = small.bottle.run(["python3", "-c", hog], timeout=12).status
    except BackendError:
        status = 137  # the whole box went
    assert status != 0
    assert small.backend.survey().usable


def test_a_full_tmp_is_full_and_no_more(small: Box) -> None:
    try:
        said = small.shell("dd if=/dev/zero of=/tmp/fill bs=1M count=1000 2>&1")
    except (BackendError, AssertionError):
        said = "the box died"
    assert "1000+0 records out" not in said
    assert small.backend.survey().usable

"""What an agent uses up is its own: the host goes on, the box may die."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bottle.domain.errors import BackendError
from bottle.domain.manifest import Resources
from tests.support import bottles, host_person
from tests.support.requirements import require
from tests.walls.conftest import REQUIRED, Box, describe, launched_embedded

MEBIBYTE = 1024**2
FORKS = """
import os, time
n = 0
try:
    while n < 400:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        n += 1
except OSError:
    pass
print(n)
os.kill(-1, 9)
"""

BOMB = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        os.fork() or time.sleep(600)
    except OSError:
        break
print("full", flush=True)
time.sleep(600)
"""
"""Takes every place that there is, and holds it though it is told to end."""


@pytest.fixture(params=list(REQUIRED))
def small(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box with tight limits, a new one for each attack."""
    require(REQUIRED[request.param])
    resources = Resources(memory=512 * MEBIBYTE, cpus=1.0, pids=64)
    if request.param == "bubblewrap":
        with launched_embedded(bottles.a_plan(bottles.PROGRAMS, resources=resources), owner="limits") as box:
            yield box
        return
    backend = bottles.docker_backend(f"limits:{request.param}", gvisor=request.param == "gvisor")
    plan = bottles.a_plan(bottles.images_for_tests(), resources=resources)
    with bottles.launched(backend, plan) as bottle:
        yield describe(bottle, backend, request.param)


def test_a_fork_bomb_stays_inside(small: Box) -> None:
    """The box lives on, with what its agent wrote; whoever owns it can empty it."""
    small.shell("echo work > /home/node/work")
    is_full = threading.Event()
    with ThreadPoolExecutor() as beside:
        agent = beside.submit(small.bottle.run, ["python3", "-c", BOMB], heard=lambda *_: is_full.set())
        assert is_full.wait(60)
        (listed,) = [running for running in small.backend.running() if running.identity == small.bottle.identity]
        assert listed.alive
        small.bottle.end_agent()
        assert agent.result().status == 137
    assert small.shell("cat /home/node/work | cat") == "work\n"


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


@pytest.fixture
def tight() -> Iterator[Box]:
    """A box of namespaces with tight limits."""
    require("bubblewrap")
    plan = bottles.a_plan(bottles.PROGRAMS, resources=Resources(memory=256 * MEBIBYTE, pids=48))
    with launched_embedded(plan, owner="tight") as box:
        yield box


def test_processes_are_counted_in_the_box_alone(tight: Box) -> None:
    """The bomb is bounded by its own number, and whoever owns the box can still start processes."""
    done = tight.bottle.run(["python3", "-u", "-c", FORKS])
    assert 10 <= int(done.stdout) < 48
    assert tight.shell("echo on") == "on\n"
    assert subprocess.run(["true"], user=host_person.NUMBER if os.getuid() == 0 else None, check=False).returncode == 0


def test_a_limit_cannot_be_raised_from_inside(tight: Box) -> None:
    assert "ermitted" in tight.shell("ulimit -p 4000 || ulimit -u 4000")
    assert "ermitted" in tight.shell("ulimit -c unlimited")


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm", "/home/node"])
def test_a_place_that_can_be_written_to_fills_up_and_the_host_does_not(tight: Box, place: str) -> None:
    free = shutil.disk_usage("/").free
    assert tight.tries(("filled", f"{place}/fill", 600 * MEBIBYTE)) == ["ENOSPC"]
    assert shutil.disk_usage("/").free > free - 100 * MEBIBYTE
    assert tight.tries(("filled", f"{place}/fill", MEBIBYTE)) == ["ok full"]


HOGS = {
    "private": "m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
    "shared": "m = mmap.mmap(-1, size)",
    "file of memory": "fd = os.memfd_create('hog'); os.ftruncate(fd, size); m = mmap.mmap(fd, size)",
    "file of memory that nobody maps": "fd = os.memfd_create('hog'); m = None",
    "System V": "at = l.shmat(l.shmget(0, size, 0o1600), 0, 0); m = memoryview(mapped(at)).cast('B')",
}
HOG = """
import ctypes, mmap, os, time
l = ctypes.CDLL(None); l.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
l.shmat.restype = ctypes.c_void_p
size = 1 << 30
mapped = (ctypes.c_char * size).from_address
{hold}
piece = bytes(1 << 20)
for n in range(size >> 20):
    if m is None:
        os.write(fd, piece)
    else:
        m[n << 20:n + 1 << 20] = piece
    time.sleep(0.002)
print("it is all mine")
time.sleep(1)
"""


@pytest.mark.parametrize("kind", HOGS)
def test_memory_of_every_kind_is_watched(tight: Box, kind: str) -> None:
    """Four times what the box may have, over two seconds: the hog does not come to its end, the box goes on."""
    try:
        done = tight.bottle.run(["python3", "-c", HOG.format(hold=HOGS[kind])], timeout=30)
    except BackendError:
        return  # the whole box went
    assert b"all mine" not in done.stdout
    assert done.status != 0

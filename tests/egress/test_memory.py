"""When the way out gives memory back."""

import gc
import resource
from pathlib import Path

from sidecars.egress import limits
from sidecars.egress.memory import Quiet, give_back_memory

LATER = limits.QUIET_SECONDS + 0.1


def test_memory_is_given_back_once_in_each_quiet_stretch() -> None:
    times: list[float] = []
    now = 100.0
    quiet = Quiet(lambda: times.append(now))
    quiet.tick(now, 0, is_busy=False)
    now += LATER
    quiet.tick(now, 0, is_busy=False)
    assert not times  # nothing was ever asked: there is nothing to give back

    quiet.tick(now, 3, is_busy=False)
    for _ in range(3):
        now += LATER
        quiet.tick(now, 3, is_busy=False)
    assert len(times) == 1

    quiet.tick(now, 4, is_busy=False)
    now += LATER
    quiet.tick(now, 4, is_busy=False)
    assert len(times) == 2


def test_what_is_under_way_is_no_quiet() -> None:
    times: list[float] = []
    quiet = Quiet(lambda: times.append(0.0))
    for now in range(0, 60, 2):
        quiet.tick(float(now), 1, is_busy=True)
    assert not times
    quiet.tick(60.0 + limits.QUIET_SECONDS / 2, 1, is_busy=False)
    assert not times  # what ended at 58 is not yet over for long enough
    quiet.tick(60.0 + LATER, 1, is_busy=False)
    assert len(times) == 1


def test_what_is_free_goes_back_to_the_kernel() -> None:
    kept = [bytes(20_000) for _ in range(4_000)]  # each too small for a mapping of its own
    last = kept[-1]
    full = _resident()
    del kept
    gc.collect()
    give_back_memory()
    assert _resident() < full - 40_000_000
    assert last is not None  # it stands at the heap's end, so that nothing goes back by itself


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

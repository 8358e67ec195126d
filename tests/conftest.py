"""What holds for the whole suite."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# Hundreds of processes of the program are started: without compiled files each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A suite that passes has to pass again, on a slower machine too: the same examples each time, and no clock.
settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# `make fuzz` looks for what nobody has tried: other examples each time, and as many as BOTTLE_FUZZ says.
examples = int(os.environ.get("BOTTLE_FUZZ") or 0)
settings.register_profile("fuzz", settings.get_profile("suite"), derandomize=False, max_examples=examples or 100)
settings.load_profile("fuzz" if examples else "suite")

_LONG = ("supervise", "e2e", "agents", "faults", "life", "docker", "gitgate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests wait for whole bottles begin first: the last one would leave the other workers idle."""
    items.sort(key=lambda item: _LONG.index(folder) if (folder := item.path.parent.name) in _LONG else len(_LONG))

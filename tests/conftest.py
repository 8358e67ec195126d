"""What holds for the whole suite."""

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# Hundreds of processes of the program are started: without compiled files each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What is collected lives to the end: looking through it again and again is a third of what collecting costs.
gc.disable()

# A suite that passes has to pass again, on a slower machine too: the same examples each time, and no clock.
settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# `make fuzz` looks for what nobody has tried: other examples each time, and as many as BOTTLE_FUZZ says.
examples = int(os.environ.get("BOTTLE_FUZZ") or 0)
settings.register_profile("fuzz", settings.get_profile("suite"), derandomize=False, max_examples=examples or 100)
settings.load_profile("fuzz" if examples else "suite")

# Of the first six only the very first has an engine build images, which the others then find.
_LONGEST = (
    "e2e/test_claude",
    "faults/test_broken_parts",
    "faults/test_ordinary_user",
    "faults/test_scarcity",
    "bubblewrap/test_attach",
    "bubblewrap/test_keeper",
    "supervise/test_in_bottles",
    "faults/test_interrupted_start",
    "agents/test_codex",
    "e2e/test_terminal",
    "supervise/test_capability",
    "faults/test_killed_parts",
    "walls/test_limits",
    "agents/test_opencode",
    "e2e/test_commands",
    "walls/test_kernel",
    "faults/test_full_disk",
    "faults/test_killed",
    "dashboard/test_bottles",
    "walls/test_network",
    "agents/test_claude",
    "docker/test_faults",
    "e2e/test_hunt",
    "life/test_sessions",
    "faults/test_lost_terminals",
    "gitgate/test_everyday",
    "contract/test_backend",
    "docker/test_interruption",
)
_LONG = ("faults", "agents", "e2e", "supervise", "life", "gitgate", "dashboard", "contract", "docker", "egress")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Raw bytes name no test: who packed them may have put the time of day into them, and then workers would differ."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return f"{len(val)} bytes"
    return None


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: begun last, it would leave the other workers idle."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """The dearest files as they stand above, then the folders whose tests wait for whole bottles, then the rest."""
    file = f"{item.path.parent.name}/{item.path.stem}"
    if file in _LONGEST:
        return _LONGEST.index(file)
    folder = item.path.parent.name
    return len(_LONGEST) + (_LONG.index(folder) if folder in _LONG else len(_LONG))

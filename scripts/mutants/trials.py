"""Whether a test fails for a change: each is tried in a process of its own, forked from one that has the libraries.

The tests that reach the changed line run, the shortest first, until one fails. What takes far longer than before, or
far more memory, counts as failed, too: the suite would not pass.
"""

import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Final

import pytest
from attrs import frozen

from scripts.mutants.changes import Mutant
from scripts.mutants.reach import Chosen, Reach

OPTIONS: Final = (
    "-q",
    "--assert=plain",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:faulthandler",
    "--timeout=0",
)
_LIBRARIES: Final = (
    "attrs",
    "brotli",
    "google.re2",
    "hypothesis.strategies",
    "hyperscan",
    "publicsuffixlist",
    "re2",
    "zstandard",
)
_MEMORY: Final = 4 << 30
_SLOWER: Final = 4  # times that the tests may take, and so many seconds more
_SECONDS: Final = 20


@frozen
class Verdict:
    """`is_killed`: a test failed, or was stopped."""

    mutant: Mutant
    is_killed: bool


def warm_up() -> None:
    """Imports what does not change, once for all."""
    for name in _LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            pass


def judged(mutants: Iterable[Mutant], reach: Reach, jobs: int) -> Iterator[Verdict]:
    """The verdicts, as they come; so many at a time."""
    running: dict[int, Mutant] = {}
    for mutant in mutants:
        if len(running) >= jobs:
            yield _ended(running)
        pid = forked(lambda: _trial(mutant, reach))  # noqa: B023 - it runs before the loop goes on
        running[pid] = mutant
    while running:
        yield _ended(running)


def forked(work: Callable[[], int]) -> int:
    """A process that does the work without a word and ends with what it returns."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        status = work()
    finally:
        os._exit(status)


def _ended(running: dict[int, Mutant]) -> Verdict:
    pid, status = os.wait()
    return Verdict(running.pop(pid), status != 0)


def _trial(mutant: Mutant, reach: Reach) -> int:
    tests, seconds = reach.of(mutant.path, mutant.line)
    if not tests:
        return 0
    limit = int(_SLOWER * seconds) + _SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.alarm(4 * limit)
    sys.meta_path.insert(0, _Changed(mutant))
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return int(pytest.main([*OPTIONS, "-x", *files], plugins=[Chosen(tests)]))


class _Changed(MetaPathFinder):
    """Finds one module in its changed form."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the promise of finders
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != self._mutant.name:
            return None
        return spec_from_file_location(fullname, self._mutant.path, loader=_Loader(fullname, self._mutant))


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, mutant: Mutant) -> None:
        super().__init__(fullname, str(mutant.path))
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the promise of loaders
        return compile(self._mutant.code, self._mutant.path, "exec")

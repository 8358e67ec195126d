"""Which tests reach which lines, and how long they take: learned in one run of them without a change."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import coverage
import pytest
from attrs import field, frozen

_MOST: Final = 6.0  # seconds of tests for one change
Places = dict[str, dict[int, list[str]]]


@frozen
class Reach:
    """For each file and line the tests that reach it; `seconds` by test."""

    places: Places = field(repr=False)
    seconds: dict[str, float] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Reach":
        data = json.loads(path.read_text())
        places = {file: {int(line): tests for line, tests in lines.items()} for file, lines in data["places"].items()}
        return cls(places, data["seconds"])

    def of(self, path: Path, line: int) -> tuple[list[str], float]:
        """The tests for a change there, shortest first, as far as time allows, and how long they take.

        What runs while a module is imported may matter to every test.
        """
        lines = self.places.get(str(path), {})
        found = set(lines.get(line, [""]))
        if "" in found:
            found = set(self.seconds)
        chosen, taken = [], 0.0
        for test in sorted(found, key=lambda test: (self.seconds.get(test, 0.0), test)):
            taken += self.seconds.get(test, 0.0)
            if taken > _MOST:
                break
            chosen.append(test)
        return chosen, taken


class Chosen:
    """For pytest: only these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._order = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
        )


class Watching:
    """For pytest: notes what each test reaches, and how long it takes."""

    def __init__(self, sources: Sequence[Path], report: Path) -> None:
        self._coverage = coverage.Coverage(data_file=None, include=list(map(str, sources)), config_file=False)
        self._sources = sources
        self._report = report
        self._seconds: dict[str, float] = {}
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        begun = time.process_time()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.process_time() - begun
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        places = {str(path): data.contexts_by_lineno(str(path)) for path in self._sources}
        self._report.write_text(json.dumps({"places": places, "seconds": self._seconds}))

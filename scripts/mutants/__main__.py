"""`python -m scripts.mutants [MODULE ...] [--all] [--jobs N]`: how many changes of the judging code the tests notice.

Without `--all` at most so many changes of each module are tried as `settings.toml` says, the same each time.
"""

import argparse
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen

from scripts.mutants.changes import Alike, mutants_of, sampled
from scripts.mutants.reach import Reach, Watching
from scripts.mutants.trials import OPTIONS, forked, judged, warm_up

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "src"


@frozen
class Group:
    """Modules and the tests that hold them."""

    name: str
    modules: tuple[Path, ...]
    tests: tuple[str, ...]


@frozen
class Score:
    """Of one module: how many changes there are, were tried and were noticed."""

    module: str
    changes: int
    tried: int
    killed: int

    @property
    def share(self) -> float:
        return self.killed / self.tried if self.tried else 1.0


def main() -> int:
    """Exit status 1 when fewer changes are noticed than `settings.toml` asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="names, such as dlp.engine; all without any")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    settings = tomllib.loads((Path(__file__).parent / "settings.toml").read_text())
    alike = [Alike(**one) for one in settings["alike"]]
    warm_up()
    most = None if options.all else settings["sample"]
    scores: list[Score] = []
    for group in _groups(settings, options.modules):
        reach = _learned(group)
        scores += [_score(path, alike, most, reach, options.jobs) for path in group.modules]
    return _summed_up(scores, settings["least"])


def _groups(settings: dict[str, Any], wanted: list[str]) -> Iterator[Group]:
    for name, group in settings["group"].items():
        modules = sorted(path for pattern in group["modules"] for path in SOURCES.glob(pattern))
        kept = tuple(path for path in modules if not wanted or any(_name(path).endswith(f".{one}") for one in wanted))
        if kept:
            yield Group(name, kept, tuple(group["tests"]))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCES).with_suffix("").parts)


def _learned(group: Group) -> Reach:
    """What the group's tests reach. Ends the run where they fail without a change."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "reach.json"
        _, status = os.waitpid(forked(lambda: _watch(group, report)), 0)
        if status != 0:
            sys.exit(f"the tests of {group.name} fail without a change: {' '.join(group.tests)}")
        return Reach.read(report)


def _watch(group: Group, report: Path) -> int:
    return int(pytest.main([*OPTIONS, *group.tests], plugins=[Watching(group.modules, report)]))


def _score(path: Path, alike: list[Alike], most: int | None, reach: Reach, jobs: int) -> Score:
    name = _name(path)
    mutants = [one for one in mutants_of(path, name) if not any(other.covers(one) for other in alike)]
    verdicts = list(judged(sampled(mutants, most, name), reach, jobs))
    survivors = [verdict.mutant for verdict in verdicts if not verdict.is_killed]
    score = Score(name, len(mutants), len(verdicts), len(verdicts) - len(survivors))
    print(f"{name}: {score.killed} of {score.tried} noticed ({score.share:.0%}), {score.changes} in all", flush=True)
    for one in sorted(survivors, key=lambda one: one.line):
        print(f"  {path.relative_to(ROOT)}:{one.line}\n    - {one.before}\n    + {one.after}", flush=True)
    return score


def _summed_up(scores: list[Score], least: float) -> int:
    """Each module counts by the changes that it has, tried or not."""
    changes = sum(score.changes for score in scores)
    share = sum(score.share * score.changes for score in scores) / max(1, changes)
    tried = sum(score.tried for score in scores)
    print(f"{share:.1%} of {changes} changes are noticed, by {tried} that were tried")
    return int(share < least)


if __name__ == "__main__":
    sys.exit(main())

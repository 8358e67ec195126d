"""The history that a bottle's own remote begins with: only where there is one, and gone from its place at once."""

from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.fake.seeds import FakeSeeds
from bottle.app.seeds import planted
from bottle.domain.manifest import Remote
from tests.app.conftest import Stage

LOCAL, ELSEWHERE = {"results": Remote("local")}, {"git.test": Remote("git@git.test:a/b.git")}


@pytest.mark.parametrize(
    ("remotes", "commit", "wanted"),
    [(LOCAL, "1" * 40, 1), (LOCAL, "", 0), (ELSEWHERE, "1" * 40, 0)],
)
def test_a_local_remote_in_a_repository(
    stage: Stage, tmp_path: Path, remotes: dict[str, Remote], commit: str, wanted: int
) -> None:
    """Elsewhere there is no history, or an upstream that has it."""
    seeds = FakeSeeds()
    plan = evolve(stage.prepared().plan, remotes=remotes, commit=commit, cwd="/work/project")
    with planted(evolve(stage.world, seeds=seeds), plan, tmp_path):
        assert seeds.standing == [tmp_path] * wanted
    assert seeds.planted == [(Path("/work/project"), tmp_path)] * wanted
    assert seeds.standing == []

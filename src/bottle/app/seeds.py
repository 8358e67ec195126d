"""What a bottle's own git remote begins with: the history of the repository that it was started in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle.app.ports import World
from bottle.domain.gitgate import Upstream
from bottle.domain.plan import BottlePlan


@contextmanager
def planted(world: World, plan: BottlePlan, audit: Path) -> Iterator[None]:
    """Inside, a gate that starts finds the history, where a remote is `local` and the copied tree is a repository's."""
    is_local = any(Upstream.parse(remote.upstream).kind == "local" for remote in plan.remotes.values())
    if not (is_local and plan.commit):
        yield
        return
    fault = world.seeds.plant(Path(plan.cwd), audit)
    if fault:
        world.progress.step(f"the remote `bottle` begins empty: {fault}")
    try:
        yield
    finally:
        world.seeds.remove(audit)

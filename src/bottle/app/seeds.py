"""What a bottle's own git remote begins with: the history of the repository that it was started in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bottle.domain.gitgate import Upstream
from bottle.domain.plan import BottlePlan

if TYPE_CHECKING:
    from bottle.app.ports import World


class Seeds(Protocol):
    """Histories of this host's repositories, for git gates."""

    def plant(self, repository: Path, folder: Path) -> str:
        """Puts the branches of a repository, with all that was committed to them, where a gate finds them when it
        starts (`gitgate_config.SEED` in `folder`). Runs nothing of the repository's, and changes nothing in it.

        Why not, where it cannot be done; a bottle does without.
        """

    def remove(self, folder: Path) -> None:
        """Takes it away again. Nothing happens where there is none."""


@contextmanager
def planted(world: "World", plan: BottlePlan, audit: Path) -> Iterator[None]:
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

"""Pictures of the dashboard, drawn by the program itself from a made-up afternoon: `make pictures`."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(1, str(ROOT / "src"))

from textual.pilot import Pilot  # noqa: E402
from textual.screen import Screen  # noqa: E402

from bottle.dashboard.answering import Answering  # noqa: E402
from bottle.dashboard.app import Dashboard  # noqa: E402
from bottle.dashboard.details import Details  # noqa: E402
from bottle.dashboard.dialogs import Choice, Words  # noqa: E402
from bottle.dashboard.starting import Preflight  # noqa: E402
from tests.support.dashboard_stage import busy  # noqa: E402

_ANSWERED: set[Screen[Any]] = set()
Scene = Callable[[Pilot[int]], Awaitable[None]]
PICTURES = ROOT / "docs" / "pictures"


async def home(_: Pilot[int]) -> None:
    """The first screen as it opens."""


async def answering(pilot: Pilot[int]) -> None:
    await pilot.press("tab", "enter")
    await _opened(pilot, Answering)


async def details(pilot: Pilot[int]) -> None:
    await pilot.press("enter")
    await _opened(pilot, Details)
    await pilot.press("right")


async def preflight(pilot: Pilot[int]) -> None:
    await pilot.press("n")
    for asked in (Choice, Words, Choice, Choice, Choice):
        await _opened(pilot, asked)
        await pilot.press("enter")
    await _opened(pilot, Preflight)


async def _opened(pilot: Pilot[int], kind: type[Screen[Any]]) -> None:
    """A screen of the kind is there, which was not there before."""
    while not isinstance(pilot.app.screen, kind) or pilot.app.screen in _ANSWERED:
        await pilot.pause(0.01)
    _ANSWERED.add(pilot.app.screen)


async def help_screen(pilot: Pilot[int]) -> None:
    await pilot.press("question_mark")


SCENES: Mapping[str, tuple[tuple[int, int], Scene]] = {
    "home": ((120, 36), home),
    "home-narrow": ((80, 24), home),
    "home-wide": ((200, 50), home),
    "answering": ((110, 34), answering),
    "details": ((110, 30), details),
    "preflight": ((120, 40), preflight),
    "help": ((100, 34), help_screen),
}


def drawn(name: str, folder: Path) -> str:
    """The picture of a scene, as SVG; `folder` is empty, and holds what is made up."""
    return asyncio.run(_draw(name, folder))


async def _draw(name: str, folder: Path) -> str:
    size, scene = SCENES[name]
    app = Dashboard(busy(folder).world, "/home/sam/shop", every=None)
    async with app.run_test(size=size) as pilot:
        await app.look()
        await pilot.pause()
        await scene(pilot)
        while not app.screen.query("FooterKey"):
            await pilot.pause(0.01)
        await pilot.pause()
        return app.export_screenshot(title=f"bottle dashboard · {name}")


def main(target: Path = PICTURES) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in SCENES:
        with tempfile.TemporaryDirectory() as folder:
            (target / f"{name}.svg").write_text(drawn(name, Path(folder)))
        print(target / f"{name}.svg")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

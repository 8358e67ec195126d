"""The dashboard on a screen of memory, over the afternoon of `tests.support.dashboard_stage`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from rich.segment import Segment
from textual.pilot import Pilot
from textual.widgets import Input

from bottle.dashboard.app import Dashboard
from tests.support.dashboard_stage import Afternoon, busy

PATIENCE = 60.0


class Headless(Dashboard):
    """Without a terminal there is none to hand over: `handed` counts how often it would have been. `told` are the
    messages, which the screen shows for a few seconds only."""

    handed = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told: list[str] = []

    def tell(self, words: str, *, severity: Any = "information") -> None:
        self.told.append(words)
        super().tell(words, severity=severity)

    @contextmanager
    def suspend(self) -> Iterator[None]:
        self.handed += 1
        yield


@define
class Operator:
    """Who sits before the screen."""

    app: Headless
    pilot: Pilot[int]
    stage: Afternoon

    @property
    def screen(self) -> str:
        """What is to be read now, line by line."""
        return read(self.app)

    async def presses(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def types(self, words: str, *keys: str) -> None:
        """Replaces what stands in the line that has the focus."""
        await self.sees(lambda _: isinstance(self.app.screen.focused, Input))
        line = self.app.screen.focused
        assert isinstance(line, Input)
        line.value = words
        await self.pilot.press(*keys)

    async def fills(self, field: str, words: str) -> None:
        """Types into a field of the form."""
        self.app.screen.query_one(f"#{field}", Input).value = words
        await self.pilot.pause()

    async def sees(self, wanted: str | Callable[[str], bool]) -> str:
        """The screen, once it shows that. Raises AssertionError with the last one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.screen
            if wanted in screen if isinstance(wanted, str) else wanted(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"never seen: {wanted}\n{screen}\n{self.app.told}")
            await self.pilot.pause(0.01)

    async def hears(self, wanted: str) -> None:
        """Waits for a message that says it."""
        await self.sees(lambda _: any(wanted in told for told in self.app.told))

    async def looks(self) -> None:
        await self.app.look()
        await self.pilot.pause()


Script = Callable[[Operator], Awaitable[None]]


def read(app: Dashboard) -> str:
    """The text of the screen, with those below a dialog around it; without trailing spaces."""
    text = "".join(segment.text for segment in drawn(app) if not segment.control)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def drawn(app: Dashboard) -> list[Segment]:
    """What is on the screen, piece by piece with its style."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert update is not None
    return list(app.console.render(update, app.console.options.update(width=app.size.width)))


def perform(
    stage: Afternoon,
    script: Script,
    *,
    size: tuple[int, int] = (120, 40),
    color: bool = True,
    directory: str = "/home/sam/shop",
) -> Headless:
    """The script, before a dashboard that looks only when it is told to but for the first time."""
    app = Headless(stage.world, directory, every=None, color=color)

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            operator = Operator(app, pilot, stage)
            await operator.looks()
            await script(operator)

    asyncio.run(run())
    return app


@pytest.fixture
def stage(tmp_path: Path) -> Afternoon:
    return busy(tmp_path)


@pytest.fixture
def quiet(tmp_path: Path) -> Afternoon:
    """Nothing runs."""
    return Afternoon(tmp_path)

"""The program: looks at the world, shows it, and has the use cases carried out that keys ask for."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList
from textual.worker import WorkerFailed

from bottle.app import proposals
from bottle.app.ports import World
from bottle.dashboard import answering, beginning, bottles, cells, reading
from bottle.dashboard.board import Board, Looker
from bottle.dashboard.dialogs import Words
from bottle.dashboard.home import Home
from bottle.dashboard.hosting import ScreenInterruptions, on_screen
from bottle.dashboard.palette import DARK, LIGHT, THEMES
from bottle.dashboard.panes import AskedPane, BottlePane
from bottle.dashboard.terminal import TerminalDriver
from bottle.dashboard.threads import InterruptedWorkError, beside
from bottle.domain.errors import BottleError
from bottle.domain.state import Status
from bottle.domain.supervise import Asked

Result = TypeVar("Result")
EVERY = 1.0
"""Seconds between two looks."""
_REST = 4
"""A look that took long is followed by a rest so many times as long: looking never is the machine's main work."""
_NEEDED: Mapping[str, tuple[Status, ...]] = {
    "attach": ("running",),
    "stop": ("running",),
    "resume": ("ended", "lost"),
    "log": ("running", "starting", "ended", "lost", "unknown"),
}
"""How a bottle must stand for a key to act on it."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128


class Dashboard(App[int]):
    """`every` is None where nobody looks but by hand. `directory` is what a new bottle may get a copy of."""

    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    TITLE = "bottle"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True)]

    def __init__(self, world: World, directory: str, *, color: bool = True, every: float | None = EVERY) -> None:
        # Without colours the terminal's own are left as they are; Textual would turn ours into greys.
        super().__init__(driver_class=TerminalDriver, ansi_color=None if color else True)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK
        self.directory = directory
        self.fault: Exception | None = None
        """What nobody foresaw, and ended the program."""
        self.starting: ScreenInterruptions | None = None
        """What gives up the start that is under way."""
        self.status = 0
        """The exit status."""
        self.world = on_screen(world, ScreenInterruptions())
        self.board = Board(world.clock.now())
        self._every = every
        self._looker = Looker(self.world)
        self._looking = asyncio.Lock()
        self._noticed: set[str] | None = None
        """The proposals that were seen; None before the first look."""
        self._deeds: set[asyncio.Task[Any]] = set()
        self._quitting = False

    def get_default_screen(self) -> Screen[None]:
        return Home()

    @property
    def home(self) -> Home:
        home = self.screen_stack[0]
        assert isinstance(home, Home)  # noqa: S101
        return home

    async def on_mount(self) -> None:
        for number in _ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self.ended_by, number)

    @on(Home.Complete)
    def _begin_looking(self) -> None:
        if self._every is not None:
            self._keep_looking(self._every)

    def on_unmount(self) -> None:
        self._looker.close()

    # Looking

    async def look(self) -> None:
        """Looks once and shows what is there."""
        async with self._looking:
            self.board = await beside(self._looker.look, name="look")
        self.home.show(self.board)
        self.refresh_bindings()
        self._call([asked for asked in self.board.waiting if asked.proposal.id not in (self._noticed or ())])

    @work(group="look")
    async def _keep_looking(self, every: float) -> None:
        while True:
            begin = time.monotonic()
            await self.look()
            await asyncio.sleep(max(every, _REST * (time.monotonic() - begin)))

    def _call(self, new: list[Asked]) -> None:
        """Calls the operator, here and wherever else that is set up. What waited before the first look is seen as it
        is."""
        told, self._noticed = self._noticed, (self._noticed or set()) | {asked.proposal.id for asked in new}
        if not new:
            return
        self._notify()
        if told is not None:
            self.bell()
            for asked in new:
                self.tell(f"{asked.proposal.identity} asks: {asked.proposal.title}", severity="warning")

    @work(group="notify")
    async def _notify(self) -> None:
        seen: set[str] = set()
        found = await self.carried_out(lambda: list(proposals.new_proposals(self.world, seen)), "notify")
        for _, complaints in found or ():
            for complaint in complaints:
                self.tell(complaint, severity="warning")

    # Doing

    async def carried_out(self, deed: Callable[[], Result], name: str) -> Result | None:
        """What a use case returns; None where it failed, which the operator is told. Quitting waits for it."""
        task = asyncio.ensure_future(beside(deed, name=name))
        self._deeds.add(task)
        try:
            return await asyncio.shield(task)
        except BottleError as error:
            self.tell_error(error)
        except InterruptedWorkError:
            self.tell("interrupted; nothing of it is left")
        finally:
            self._deeds.discard(task)
        return None

    def ask_secret(self, name: str) -> str | None:
        """A value that the operator types, unseen; None where they would not. Work beside the screen waits for it."""
        said: Future[str | None] = Future()
        details = cells.text(f"{name} is asked for at each start. It is kept nowhere.")
        screen = Words(f"The value of {name}", details, secret=True)
        self.call_from_thread(self.push_screen, screen, said.set_result)
        return said.result()

    def tell(self, words: str, *, severity: Any = "information") -> None:
        self.notify(cells.lines(words).plain, severity=severity, markup=False)

    def tell_error(self, error: BottleError) -> None:
        hint = f"\n{error.hint}" if error.hint else ""
        self.tell(f"{error}{hint}", severity="error")

    @contextmanager
    def handed_over(self) -> Iterator[None]:
        """Inside, the terminal belongs to another program, and signals end what they end on the command line."""
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.remove_signal_handler(number)
        try:
            with self.suspend():
                yield
        finally:
            for number in _ENDING:
                loop.add_signal_handler(number, self.ended_by, number)
            self.refresh(layout=True)

    # Keys

    @on(OptionList.OptionSelected)
    def _opened(self, event: OptionList.OptionSelected) -> None:
        pane, identity = event.option_list.parent, event.option_id or ""
        if isinstance(pane, BottlePane):
            self._look_closely(identity)
        elif isinstance(pane, AskedPane):
            self._answer(identity)
        elif self.screen is self.home and (line := self.home.line(identity)):
            self.push_screen(reading.of_line(line))

    @work(group="details", exclusive=True)
    async def _look_closely(self, identity: str) -> None:
        await bottles.show_details(self, identity)

    @work(group="answer", exclusive=True)
    async def _answer(self, number: str) -> None:
        await answering.answer(self, number)

    @work(group="begin", exclusive=True)
    async def action_begin(self) -> None:
        await beginning.begin(self)

    @work(group="attach", exclusive=True)
    async def action_attach(self) -> None:
        if identity := self._chosen():
            await bottles.attach(self, identity)

    @work(group="begin", exclusive=True)
    async def action_resume(self) -> None:
        if identity := self._chosen():
            await beginning.resume(self, identity)

    @work(group="stop")
    async def action_stop(self) -> None:
        if identity := self._chosen():
            await bottles.stop(self, identity)

    @work(group="log")
    async def action_log(self) -> None:
        if identity := self._chosen():
            await bottles.show_log(self, identity)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """What needs a bottle is offered where the chosen one is such a bottle."""
        if action not in _NEEDED:
            return True
        row = self.board.row(self._chosen() or "") if self.screen_stack else None
        return row is not None and row.status in _NEEDED[action]

    async def action_everything(self) -> None:
        """Also bottles that ended and left state, or no more."""
        self._looker.everything = not self._looker.everything
        self.tell("bottles that ended are shown, too" if self._looker.everything else "bottles that ended are hidden")
        await self.look()

    def action_light(self) -> None:
        self.theme = LIGHT if self.theme == DARK else DARK

    def action_help(self) -> None:
        self.push_screen(reading.help_screen())

    async def action_quit(self) -> None:
        self._leave()

    @work(group="leave")
    async def _leave(self) -> None:
        """A start that is under way is given up, all else is waited for; who asks twice does not wait."""
        if self.starting is not None:
            self.starting.strike()
        if self._deeds and not self._quitting:
            self._quitting = True
            self.tell("ending, as soon as what is under way has ended")
            await asyncio.wait(self._deeds)
        self.exit(self.status)

    def _chosen(self) -> str | None:
        return self.home.chosen_bottle

    @property
    def busy(self) -> bool:
        """Whether something is under way that leaving waits for."""
        return bool(self._deeds)

    def ended_by(self, number: int = signal.SIGINT) -> None:
        """Leaves because of a signal. A terminal that goes away says so more than once: no person grows impatient."""
        if self.status == SIGNALLED + signal.SIGHUP:
            return
        self.status = SIGNALLED + number
        self.call_later(self.action_quit)

    # Faults: Textual would print the values of local variables, and these may be secrets.

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.fault = self.fault or (cause if isinstance(cause, Exception) else error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *_: object) -> None:
        self._close_messages_no_wait()

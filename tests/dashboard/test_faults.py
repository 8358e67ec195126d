"""What goes wrong outside is told, what is shown stays, and keys are never kept waiting."""

import asyncio
import signal
import threading
from collections.abc import Sequence

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBackend
from bottle.adapters.fake.entropy import FakeEntropy
from bottle.app.ports import Running
from bottle.domain.errors import BackendError
from tests.dashboard.conftest import Headless, Operator, perform
from tests.support.dashboard_stage import Afternoon
from tests.support.flaky import flaky


def test_an_engine_that_goes_away_is_told_and_the_last_look_stays(stage: Afternoon) -> None:
    gone = flaky(stage.docker, "running", BackendError("the engine does not answer"), on_call=2)
    stage.world = evolve(stage.world, backends={"docker": gone, "bubblewrap": stage.bubblewrap})

    async def script(operator: Operator) -> None:
        await operator.looks()
        screen = await operator.sees("not up to date: the engine does not answer")
        assert "payments refactor" in screen
        await operator.looks()
        assert "not up to date" not in operator.screen

    perform(stage, script)


class Hanging(FakeBackend):
    """An engine that says nothing until it is let go."""

    released = threading.Event()

    def running(self) -> Sequence[Running]:
        assert self.released.wait(60)
        return super().running()


def test_an_engine_that_hangs_keeps_no_key_waiting(stage: Afternoon) -> None:
    hanging = Hanging(stage.docker.engine)
    hanging.released.set()
    stage.world = evolve(stage.world, backends={"docker": hanging, "bubblewrap": stage.bubblewrap})

    async def script(operator: Operator) -> None:
        hanging.released.clear()
        look = operator.app.run_worker(operator.app.look())
        await operator.presses("question_mark")
        await operator.sees("start a new bottle")
        assert look.is_running
        hanging.released.set()
        await look.wait()

    perform(stage, script)


def test_what_nobody_foresaw_ends_it_without_showing_values(
    stage: Afternoon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual would print the local variables of every frame."""

    def broken(self: Headless, number: str) -> None:
        secret = "made-up-secret-5512"  # noqa: F841 - what must not be printed
        raise ZeroDivisionError

    monkeypatch.setattr(Headless, "_answer", broken)

    async def script(operator: Operator) -> None:
        await operator.presses("tab", "enter")
        await operator.pilot.pause()

    with pytest.raises(ZeroDivisionError):
        perform(stage, script)
    said = capsys.readouterr()
    assert "made-up-secret-5512" not in said.out + said.err


def test_fifty_bottles_are_looked_at_without_a_process_and_with_what_is_new_alone(
    stage: Afternoon, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.world = evolve(stage.world, entropy=FakeEntropy())
    for number in range(46):
        identity = stage.begins("reviewer", label=f"bottle {number}")
        stage.goes_out(identity, "GET", "docs.python.org", "/", ago=5)

    def no_process(*_: object, **__: object) -> None:
        raise AssertionError("looking starts a process")

    monkeypatch.setattr("subprocess.Popen.__init__", no_process)
    monkeypatch.setattr("os.fork", no_process)

    async def script(operator: Operator) -> None:
        assert "50 running" in operator.screen
        lines = len(operator.app.board.lines)
        await operator.looks()
        assert lines > 50
        again = [line for line in operator.app.board.lines if line.entry.kind != "supervise"]
        assert again == [], "what was read once is not read again"
        await operator.presses("end")
        await operator.sees("bottle 45")

    perform(stage, script)


def test_leaving_waits_for_what_is_under_way(stage: Afternoon) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> str:
        begun.set()
        assert go_on.wait(60)
        return "done"

    done: list[str | None] = []

    async def script(operator: Operator) -> None:
        app = operator.app

        async def deed() -> None:
            done.append(await app.carried_out(slowly, "slowly"))

        app.run_worker(deed())
        await operator.sees(lambda _: begun.is_set())
        await operator.presses("q")
        await operator.hears("ending, as soon as")
        assert app.is_running
        go_on.set()

    app = perform(stage, script)
    assert (app.status, app.fault) == (0, None)


def test_a_terminal_that_goes_away_gives_what_is_under_way_its_time(stage: Afternoon) -> None:
    """More than one tells of it (the kernel, a shell, our own watch), which is no impatient person."""
    go_on = threading.Event()

    def slowly() -> bool:
        return go_on.wait(60)

    async def script(operator: Operator) -> None:
        app = operator.app
        app.run_worker(app.carried_out(slowly, "slowly"))
        await operator.sees(lambda _: app.busy)
        app.ended_by(signal.SIGHUP)
        await operator.hears("ending, as soon as")
        app.ended_by(signal.SIGHUP)
        await operator.pilot.pause()
        assert app.is_running
        go_on.set()
        await operator.sees(lambda _: not app.busy)

    assert perform(stage, script).status == 128 + signal.SIGHUP


class Eager(Headless):
    """A look takes no time."""

    looked = 0

    async def look(self) -> None:
        self.home.show(self.board)
        self.looked += 1


def test_a_look_that_takes_no_time_finds_the_panes_complete(quiet: Afternoon) -> None:
    """As in an empty home."""
    app = Eager(quiet.world, "/home/sam", every=60)

    async def run() -> None:
        async with app.run_test() as pilot:
            await Operator(app, pilot, quiet).sees(lambda shown: "nothing runs" in shown and "n starts one" in shown)

    asyncio.run(run())
    assert (app.looked, app.fault) == (1, None)

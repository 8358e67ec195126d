"""What went out, as it happens."""

from tests.dashboard.conftest import Operator, perform
from tests.support.dashboard_stage import Afternoon

AUDIT = ("tab", "tab")


def test_it_goes_with_what_is_new_unless_the_operator_looks_at_something_else(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        stage.goes_out("coder-x7k2p", "GET", "new.example", "/one", ago=1)
        await operator.looks()
        await operator.sees("GET new.example/one")
        await operator.presses(*AUDIT, "home")
        await operator.sees("started: agent coder")
        stage.goes_out("coder-x7k2p", "GET", "new.example", "/two", ago=0)
        await operator.looks()
        assert "/two" not in operator.screen
        await operator.presses("end")
        await operator.sees("GET new.example/two")

    perform(stage, script)


def test_filters_are_what_was_refused_one_bottle_and_words(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses(*AUDIT, "f")
        screen = await operator.sees("Audit · refused")
        assert "telemetry.example.net" in screen
        assert "api.anthropic.com" not in screen
        await operator.presses("b")
        screen = await operator.sees("of coder-x7k2p")
        assert "telemetry.example.net" not in screen
        assert "pypi.org/simple/httpx/" in screen
        await operator.presses("escape")
        await operator.sees("Audit · everything ─")
        await operator.presses("slash")
        await operator.types("asyncio", "enter")
        screen = await operator.sees("with “asyncio”")
        assert "/3/library/asyncio.html" in screen
        assert "telemetry" not in screen
        await operator.presses("escape")
        await operator.sees("Audit · everything ─")

    perform(stage, script)


def test_a_line_is_read_whole(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses(*AUDIT, "up", "enter")
        screen = await operator.sees("A line of the audit trail")
        assert "no route names this host" in screen
        assert "host.unlisted" in screen

    perform(stage, script)

"""Bottles are started, attached to, looked at and stopped on the screen."""

from attrs import evolve

from bottle.adapters.fake.backend import FakeBottle
from bottle.app.ports import Survey
from bottle.dashboard.starting import Starting
from bottle.domain.errors import ProvisionError
from tests.dashboard.conftest import Operator, perform
from tests.support.dashboard_stage import Afternoon

NEW = "coder-c8v2b"


async def chooses(operator: Operator, *answers: tuple[str, tuple[str, ...]]) -> None:
    """Each question of the flow, and the keys that answer it."""
    await operator.presses("n")
    for question, keys in answers:
        await operator.sees(question)
        await operator.presses(*keys)


USUAL = (
    ("Which agent?", ("enter",)),
    ("A label", ("enter",)),
    ("In which colour?", ("enter",)),
    ("In what kind of box?", ("enter",)),
    ("With which files?", ("enter",)),
)


def test_a_bottle_is_started_with_label_and_colour_and_attached_to(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await chooses(operator, USUAL[0])
        await operator.sees("A label")
        await operator.types("schema split", "enter")
        await operator.sees("In which colour?")
        await operator.presses("down", "down", "enter")
        await operator.sees("In what kind of box?")
        await operator.presses("down", "down", "enter")
        await operator.sees("With which files?")
        await operator.presses("down", "enter")
        screen = await operator.sees("Start this bottle?")
        assert "a copy of" in screen
        assert list(stage.bubblewrap.launched[2:]) == [], "nothing is touched before the yes"
        await operator.presses("y")
        await operator.hears("the agent ended with status 0")
        assert "schema split" in operator.screen

    app = perform(stage, script, directory=str(stage.home / "bottles"))
    metadata = stage.world.state.read(NEW)
    assert (metadata.label, metadata.color, metadata.backend) == ("schema split", "red", "bubblewrap")
    assert (metadata.detached, metadata.ended_at) == (True, ""), "the bottle goes on when its agent has ended"
    assert (app.handed, app.status) == (1, 0)


def test_the_preflight_is_no_start(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await chooses(operator, *USUAL, ("Start this bottle?", ("n",)))
        await operator.sees(lambda screen: "Start this bottle?" not in screen)

    perform(stage, script)
    assert NEW not in stage.world.state.identities()


def test_escape_ends_the_flow_at_every_point(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        for steps in range(len(USUAL)):
            await chooses(operator, *USUAL[:steps])
            await operator.sees(USUAL[steps][0])
            await operator.presses("escape")
            await operator.sees(lambda screen, title=USUAL[steps][0]: title not in screen)  # type: ignore[misc]
            assert operator.app.screen is operator.app.home

    perform(stage, script)
    assert len(stage.world.state.identities()) == 4


def test_a_secret_that_is_asked_for_is_typed_unseen(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await chooses(operator, ("Which agent?", ("down", "enter")), *USUAL[1:], ("Start this bottle?", ("d",)))
        await operator.sees("The value of PIN")
        await operator.types("made-up-pin-77")
        assert "made-up-pin-77" not in operator.screen
        await operator.presses("enter")
        await operator.hears("pinned-c8v2b runs")

    perform(stage, script)
    assert stage.docker.launched[-1][1].env["PIN"] == "made-up-pin-77"


def test_what_keeps_it_from_starting_is_said_before_anybody_says_yes(stage: Afternoon) -> None:
    stage.world = evolve(stage.world, credentials=type(stage.world.credentials)({}))  # type: ignore[call-arg]

    async def script(operator: Operator) -> None:
        await chooses(operator, *USUAL)
        screen = await operator.sees("It cannot be started")
        assert "not set in this environment: CLAUDE_TOKEN" in screen
        assert "export CLAUDE_TOKEN" in screen
        await operator.presses("y")
        assert "It cannot be started" in operator.screen, "there is nothing to say yes to"

    perform(stage, script)
    assert NEW not in stage.world.state.identities()


def test_a_backend_that_cannot_be_used_says_why_and_cannot_be_chosen(stage: Afternoon) -> None:
    stage.bubblewrap.found = Survey(usable=False, reason="user namespaces are off")

    async def script(operator: Operator) -> None:
        await chooses(operator, *USUAL[:3])
        assert "user namespaces are off" in await operator.sees("In what kind of box?")
        await operator.presses("down", "down", "enter")
        assert "In what kind of box?" not in operator.screen or "With which" not in operator.screen

    perform(stage, script)


def test_a_start_that_fails_is_told_and_leaves_nothing(stage: Afternoon) -> None:
    stage.docker.fault = ProvisionError("no space left in the box", hint="make room")

    async def script(operator: Operator) -> None:
        await chooses(operator, *USUAL, ("Start this bottle?", ("y",)))
        await operator.hears("no space left in the box\nmake room")

    app = perform(stage, script)
    assert (NEW in stage.world.state.identities(), app.handed) == (False, 0)


def test_a_start_is_given_up_with_escape_and_leaves_nothing(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        starting = operator.app

        def escape() -> None:
            """The operator's key, while the backend works."""
            screen = starting.screen
            assert isinstance(screen, Starting)
            starting.call_from_thread(screen.action_give_up)

        stage.docker.while_launching = escape
        await chooses(operator, *USUAL, ("Start this bottle?", ("d",)))
        await operator.hears("nothing of it is left")

    perform(stage, script)
    assert NEW not in stage.world.state.identities()


def test_attaching_hands_the_terminal_over_and_comes_back(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses("a")
        await operator.hears("the agent ended with status 0; the bottle goes on")

    app = perform(stage, script)
    bottle = stage.docker.open("coder-x7k2p")
    assert isinstance(bottle, FakeBottle)
    assert (app.handed, [argv[0] for argv in bottle.box.attached]) == (1, ["claude"])


def test_stopping_asks_first_and_what_ended_goes_on_with_resume(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses("down", "s")
        await operator.sees("Stop this bottle?")
        await operator.presses("escape")
        await operator.sees(lambda screen: "Stop this" not in screen)
        assert stage.world.state.read("writer-m3n8q").ended_at == ""
        await operator.presses("s")
        await operator.sees("Stop this bottle?")
        await operator.presses("y")
        await operator.hears("stopped writer-m3n8q")
        assert "3 running" in operator.screen
        await operator.presses("A")
        await operator.sees("○  release notes")
        assert stage.world.state.read("writer-m3n8q").ended_at
        await operator.presses("up", "r")
        await operator.sees("Start this bottle?")
        await operator.presses("d")
        await operator.sees("●  release notes")

    perform(stage, script)
    assert stage.world.state.read("writer-m3n8q").ended_at == ""


def test_a_bottle_closely(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses("enter")
        await operator.sees("bottle export coder-x7k2p")
        for wanted in ("docs.python.org:443", "No remote is named", "host.unlisted", "k3f9q2wm", "commits as"):
            await operator.presses("right")
            await operator.sees(wanted)
        await operator.presses("escape")
        await operator.sees("Bottles · 4")

    perform(stage, script)


def test_a_log_is_read_to_its_end(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await operator.presses("l")
        assert "Audit trail, its end" in await operator.sees("Log of coder-x7k2p")
        await operator.presses("escape")
        await operator.sees(lambda screen: "Log of" not in screen)

    perform(stage, script)


def test_no_agent_and_no_bottle(quiet: Afternoon) -> None:
    quiet.world = evolve(quiet.world, manifests=type(quiet.world.manifests)({"bottles": {}, "agents": {}}))  # type: ignore[call-arg]

    async def script(operator: Operator) -> None:
        await operator.presses("a", "s", "l", "enter", "n")
        await operator.hears("`bottle init` writes first manifests")

    perform(quiet, script)

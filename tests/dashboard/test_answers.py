"""Proposals are answered on the screen: the same use cases as on the command line, with the same effect."""

import pytest

from bottle.adapters.fake.backend import FakeBottle
from bottle.app import proposals, supervise
from bottle.domain.egress import Route
from bottle.domain.supervise import Asked, CapabilityWish, EgressWish, ScanWish
from tests.dashboard.conftest import Operator, perform
from tests.support.dashboard_stage import Afternoon

PYPI, NUMBER = "k3f9q2wm", "b7x4t9ra"


def answered(stage: Afternoon, number: str) -> Asked:
    return proposals.find(stage.world, number)


def granted(stage: Afternoon) -> list[Route]:
    """What the way out of the bottle that asked for a host judges by, beyond its manifest."""
    bottle = stage.docker.open("coder-x7k2p")
    assert isinstance(bottle, FakeBottle)
    return [route for route in bottle.policy.routes if route.grant is not None]


async def opens(operator: Operator, *keys: str) -> None:
    await operator.presses("tab", *keys, "enter")
    await operator.sees("asks ─")


def test_a_yes_holds_at_once_for_this_bottle(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        assert "The lock file names versions" in operator.screen
        await operator.presses("ctrl+y")
        await operator.hears(f"{PYPI} applied")
        assert "1 waits" in operator.screen

    perform(stage, script)
    assert [(route.host.text, route.paths, route.methods) for route in granted(stage)] == [
        ("pypi.org", ("/simple",), ("GET",))
    ]
    decision = answered(stage, PYPI).decision
    assert decision is not None
    assert (decision.state, decision.scope, decision.by) == ("applied", "bottle", "sam")


def test_another_host_for_some_minutes_with_a_word_to_the_agent(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        assert "│  minutes" not in operator.screen, "asked for only where it counts"
        await operator.presses("up", "enter")
        await operator.sees("some minutes")
        await operator.fills("minutes", "45")
        await operator.fills("host", "files.example.org")
        await operator.fills("reason", "the mirror")
        await operator.presses("ctrl+y")
        await operator.hears(f"{PYPI} applied")

    perform(stage, script)
    decision = answered(stage, PYPI).decision
    assert decision is not None
    assert (decision.scope, decision.reason) == ("minutes", "the mirror")
    assert decision.until == pytest.approx(stage.clock.now().timestamp() + 45 * 60)
    assert [route.host.text for route in granted(stage)] == ["files.example.org"]


def test_what_is_doubtful_is_shown_again_and_escape_grants_nothing(stage: Afternoon) -> None:
    stage.asks("coder-x7k2p", "aaaaaaaa", EgressWish("*.example.com"), "all of it", ago=9)

    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("ctrl+y")
        await operator.sees("Approve even so?")
        assert "is a wildcard" in operator.screen
        await operator.presses("escape")
        await operator.sees(lambda screen: "Approve even so?" not in screen)
        assert answered(stage, "aaaaaaaa").decision is None
        await operator.presses("ctrl+y")
        await operator.sees("Approve even so?")
        await operator.presses("y")
        await operator.hears("aaaaaaaa applied")

    perform(stage, script)
    assert [route.host.text for route in granted(stage)] == ["*.example.com"]


def test_what_is_kept_is_shown_as_a_change_of_the_file_before_it_is_written(stage: Afternoon) -> None:
    path = stage.home / "bottles" / "dev.md"
    before = path.read_text()

    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("down", "enter", "ctrl+y")
        screen = await operator.sees("Write this into your manifest?")
        assert "+    - host: pypi.org" in screen
        assert path.read_text() == before
        await operator.presses("n")
        await operator.sees(lambda screen: "Write this" not in screen)
        assert (path.read_text(), answered(stage, PYPI).decision) == (before, None)
        await operator.presses("ctrl+y")
        await operator.sees("Write this into your manifest?")
        await operator.presses("y")
        await operator.hears(f"{PYPI} applied")

    perform(stage, script)
    assert "# where the work is" in path.read_text()
    assert "- host: pypi.org" in path.read_text()


def test_a_no_needs_a_reason_which_the_agent_gets(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("ctrl+r")
        await operator.sees("Reject ─")
        await operator.presses("enter")
        assert "Reject ─" in operator.screen, "no reason was given"
        await operator.types("use the mirror", "enter")
        await operator.hears(f"{PYPI} rejected")

    perform(stage, script)
    decision = answered(stage, PYPI).decision
    assert decision is not None
    assert (decision.state, decision.reason) == ("rejected", "use the mirror")
    assert granted(stage) == []


def test_a_question_is_answered_by_a_choice_or_by_other_words(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator, "down")
        await operator.presses("ctrl+y")
        await operator.hears("is a question")
        await operator.presses("down", "enter", "ctrl+y")
        await operator.hears(f"{NUMBER} applied")

    perform(stage, script)
    decision = answered(stage, NUMBER).decision
    assert decision is not None
    assert decision.answer == "2.0.0"


def test_what_is_asked_is_edited_in_the_operators_editor(stage: Afternoon) -> None:
    stage.editor.changes = lambda text: text.replace("path: /simple", "path: /simple/httpx").replace("bottle", "once")

    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("ctrl+e")
        await operator.sees("/simple/httpx")
        assert operator.app.handed == 1, "the terminal was the editor's"
        await operator.presses("ctrl+y")
        await operator.hears(f"{PYPI} applied")

    perform(stage, script)
    (route,) = granted(stage)
    assert route.grant is not None
    assert (route.paths, route.grant.once) == (("/simple/httpx",), True)
    assert "mirror" not in stage.editor.shown[0], "editors obey some words: the agent's reasons stay out of the file"


def test_an_edit_that_is_not_understood_is_said_and_nothing_is_lost(stage: Afternoon) -> None:
    stage.editor.changes = lambda text: text.replace("port: 443", "port: many")

    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("ctrl+e")
        await operator.hears("port: a number belongs here")
        assert "asks ─" in operator.screen

    perform(stage, script)
    assert answered(stage, PYPI).decision is None


def test_later_is_no_answer(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        await operator.presses("escape")
        await operator.sees(lambda screen: "asks ─" not in screen)
        assert "2 wait" in operator.screen

    perform(stage, script)
    assert answered(stage, PYPI).decision is None


def test_a_way_out_that_refuses_is_told_as_a_failure(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        stage.docker.destroy("coder-x7k2p")
        await operator.presses("ctrl+y")
        await operator.hears(f"{PYPI} failed")

    perform(stage, script)


def test_one_that_was_answered_meanwhile_is_not_answered_again(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        await opens(operator)
        supervise.reject(stage.world, PYPI, "by somebody else")
        await operator.presses("ctrl+y")
        await operator.hears("is rejected already")

    perform(stage, script)
    assert granted(stage) == []


def test_a_proposal_that_comes_calls_the_operator_once(stage: Afternoon) -> None:
    async def script(operator: Operator) -> None:
        assert "asks:" not in operator.screen, "what waited before is seen in its pane"
        stage.asks("writer-m3n8q", "cccccccc", CapabilityWish("RUN apt-get install -y jq"), "to read JSON", ago=0)
        await operator.looks()
        await operator.hears("writer-m3n8q asks: RUN apt-get install -y jq")
        await operator.sees(lambda _: len(stage.notifier.called) == 3)
        await operator.looks()

    perform(stage, script)
    assert [asked.proposal.id for asked in stage.notifier.called].count("cccccccc") == 1


def test_what_the_scanner_found_is_told_from_the_trail_and_passes_once_approved(stage: Afternoon) -> None:
    found = "5a0c1be2f49d7783"
    reason = f"a token of GitLab's in the body [fingerprint {found}]"
    stage.goes_out("coder-x7k2p", "POST", "docs.python.org", "/upload", ago=3, refused="dlp.gitlab-pat", reason=reason)
    stage.asks("coder-x7k2p", "aaaaaaaa", ScanWish(found), "it is an example of the documentation", ago=9)

    async def script(operator: Operator) -> None:
        await opens(operator)
        assert "dlp.gitlab-pat: a token of GitLab's in the body" in operator.screen
        assert "one request" not in operator.screen, "the scanner knows no time"
        await operator.presses("ctrl+y")
        await operator.hears("aaaaaaaa applied")

    perform(stage, script)
    bottle = stage.docker.open("coder-x7k2p")
    assert isinstance(bottle, FakeBottle)
    assert bottle.policy.scanning.approved == (found,)


def test_what_an_image_lacks_is_built_beside_the_screen(stage: Afternoon) -> None:
    lines = "RUN apt-get install -y jq\nRUN curl https://get.example/install.sh | sh"
    stage.asks("coder-x7k2p", "aaaaaaaa", CapabilityWish(lines), "to read JSON", ago=9)

    async def script(operator: Operator) -> None:
        await opens(operator)
        for said in ("RUN apt-get install -y jq (and 1 more)", "| sh", "it fetches from get.example"):
            assert said in operator.screen
        assert "some minutes" not in operator.screen, "an image knows no time"
        await operator.presses("ctrl+y")
        await operator.sees("Approve even so?")
        await operator.presses("y")
        await operator.hears("aaaaaaaa applied")

    perform(stage, script)
    plan, _ = stage.docker.launched[-1]
    assert (plan.identity, len(plan.additions)) == ("coder-x7k2p", 2)

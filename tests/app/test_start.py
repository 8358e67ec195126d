"""A start and its end: what each step hands on, and what is left when any of them fails or is interrupted."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBox
from bottle.app.ports import Survey
from bottle.app.session import surely
from bottle.app.start import run_attached, run_detached
from bottle.domain.errors import BackendError, ConflictError, ProvisionError, SecretMissingError, WallsError
from tests.app.conftest import BASE, CODE, TOKEN, Stage
from tests.support.flaky import flaky

IDENTITY = "coder-aaaaa"


def test_the_agents_status_is_the_runs_status(stage: Stage) -> None:
    stage.backend.agent = lambda _box, _argv: 7
    assert run_attached(stage.world, stage.prepared()) == 7


def test_the_agent_runs_with_what_it_was_given_and_without_what_is_withheld(stage: Stage) -> None:
    boxes: list[FakeBox] = []

    def agent(box: FakeBox, argv: Sequence[str]) -> int:
        boxes.append(box)
        assert argv[0] == "claude"
        return 0

    stage.backend.agent = agent
    run_attached(stage.world, stage.prepared())
    (box,) = boxes
    assert (box.env["BASE"], box.env["CODE"], box.env["LEVEL"]) == (BASE, CODE, "debug")
    assert TOKEN not in repr(box.env)
    assert box.files["/home/node/.bot-bottle-prompt.txt"] == b"Be brief."


def test_the_sidecar_gets_the_secret_by_slot_and_the_plan_never_holds_it(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    ((plan, cargo),) = stage.backend.launched
    assert cargo.secrets == {"EGRESS_TOKEN_0": TOKEN}
    for text in (repr(plan), repr(cargo)):
        assert TOKEN not in text
        assert CODE not in text


def test_the_sidecar_is_told_which_of_the_boxs_values_must_not_leave_it(stage: Stage) -> None:
    """What was prompted for, and host variables; what stands in the manifest is no secret of the operator's."""
    run_attached(stage.world, stage.prepared())
    ((_, cargo),) = stage.backend.launched
    assert set(cargo.given.values()) >= {CODE}
    assert "debug" not in cargo.given.values()


def test_after_the_end_only_the_evidence_is_left(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    assert stage.backend.engine.bottles == {}
    metadata = stage.state.read(IDENTITY)
    assert (metadata.exit_status, bool(metadata.ended_at), stage.state.held(IDENTITY)) == (0, True, False)
    assert [event.rule for event in stage.state.events(IDENTITY)] == ["started", "ended"]
    assert b"ready" in stage.state.log(IDENTITY)


def test_a_detached_bottle_goes_on_and_is_tended_by_nobody(stage: Stage) -> None:
    bottle = run_detached(stage.world, stage.prepared())
    assert bottle.identity in {identity for _, identity in stage.backend.engine.bottles}
    assert stage.state.read(IDENTITY).detached
    assert not stage.state.held(IDENTITY)


def test_images_are_built_once(stage: Stage) -> None:
    world = stage.world
    for _ in range(2):
        run_attached(world, stage.prepared(world))
    building = [text for text in world.progress.steps if "making ready" in text]  # type: ignore[attr-defined]
    assert len(building) == 2


@pytest.mark.parametrize(
    "error", [BackendError("gone"), WallsError("no wall"), ProvisionError("no room"), KeyboardInterrupt()]
)
def test_a_launch_that_fails_leaves_nothing_at_all(stage: Stage, error: BaseException) -> None:
    stage.backend.fault = error
    with pytest.raises(type(error)):
        run_attached(stage.world, stage.prepared())
    assert stage.backend.engine.bottles == {}
    assert stage.state.identities() == []


def test_a_missing_credential_stops_the_start_before_anything_is_made(stage: Stage) -> None:
    stage.credentials = type(stage.credentials)({"BASE": BASE})
    with pytest.raises(SecretMissingError, match="TOKEN"):
        run_attached(stage.world, stage.prepared())
    assert stage.operator.asked == []
    assert stage.state.identities() == []


def test_a_missing_host_variable_is_named(stage: Stage) -> None:
    stage.credentials = type(stage.credentials)({"TOKEN": TOKEN})
    with pytest.raises(SecretMissingError, match="BASE"):
        run_attached(stage.world, stage.prepared())


def test_an_engine_that_is_absent_stops_the_start_before_anybody_is_asked(stage: Stage) -> None:
    stage.backend.found = Survey(usable=False, reason="no engine answers", hint="start it")
    with pytest.raises(BackendError, match="no engine answers") as caught:
        run_attached(stage.world, stage.prepared())
    assert caught.value.hint == "start it"
    assert stage.operator.asked == []


def test_a_taken_identity_is_a_conflict_and_its_owner_keeps_it(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    again = stage.prepared()
    assert again.plan.identity == IDENTITY
    with pytest.raises(ConflictError):
        run_attached(stage.world, again)
    assert stage.backend.running()[0].identity == IDENTITY
    assert not stage.state.read(IDENTITY).ended_at


def test_an_agent_that_is_interrupted_is_torn_down(stage: Stage) -> None:
    def agent(_box: FakeBox, _argv: Sequence[str]) -> int:
        stage.interruptions.strike()
        return 0

    stage.backend.agent = agent
    with pytest.raises(KeyboardInterrupt):
        run_attached(stage.world, stage.prepared())
    assert stage.backend.engine.bottles == {}
    assert stage.state.read(IDENTITY).ended_at


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_a_bottle_let_out_can_be_told_at_its_end_however_it_ended(stage: Stage, interrupted: bool) -> None:
    """An operator who stops an agent wants to know what it did no less than one who waited."""

    def agent(_box: FakeBox, _argv: Sequence[str]) -> int:
        if interrupted:
            stage.interruptions.strike()
        return 0

    stage.backend.agent = agent
    told: list[bool] = []
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        run_attached(stage.world, stage.prepared(), lambda: told.append(bool(stage.state.read(IDENTITY).ended_at)))
    assert told == [True]


def test_of_a_bottle_that_never_ran_nothing_is_told(stage: Stage) -> None:
    """Not even where another one has the identity, and a trail of its own."""
    told: list[str] = []
    stage.backend.fault = BackendError("gone")
    with pytest.raises(BackendError):
        run_attached(stage.world, stage.prepared(), lambda: told.append("failed"))
    stage.backend.fault = None
    run_detached(stage.world, stage.prepared())
    with pytest.raises(ConflictError):
        run_attached(stage.world, stage.prepared(), lambda: told.append("taken"))
    assert told == []


def test_a_launch_that_is_interrupted_is_asked_to_end_and_leaves_nothing(stage: Stage) -> None:
    stage.backend.while_launching = stage.interruptions.strike
    with pytest.raises(KeyboardInterrupt):
        run_attached(stage.world, stage.prepared())
    assert stage.backend.launched == []
    assert stage.backend.engine.bottles == {}
    assert stage.state.identities() == []


def test_an_interruption_within_the_end_does_not_break_it(stage: Stage) -> None:
    struck = flaky(stage.backend, "destroy", KeyboardInterrupt(), after=False)
    with pytest.raises(KeyboardInterrupt):
        run_attached(stage.with_faults(backend=struck), evolve(stage.prepared(), backend=struck))
    assert stage.backend.engine.bottles == {}


def test_a_box_that_would_not_go_is_told_and_stays_findable(stage: Stage) -> None:
    stuck = flaky(stage.backend, "destroy", BackendError("the engine went away"))
    with pytest.raises(BackendError, match="went away"):
        run_attached(stage.with_faults(backend=stuck), evolve(stage.prepared(), backend=stuck))
    assert not stage.state.read(IDENTITY).ended_at
    assert stage.backend.leftovers()


def test_a_log_that_cannot_be_had_does_not_keep_the_bottle(stage: Stage) -> None:
    mute = flaky(stage.backend, "open", BackendError("no log"))
    assert run_attached(stage.with_faults(backend=mute), evolve(stage.prepared(), backend=mute)) == 0
    assert stage.backend.engine.bottles == {}


def test_surely_ends_work_that_fails_and_tells_the_failure() -> None:
    ends: list[str] = []

    def work() -> int:
        raise BackendError("first")

    with pytest.raises(BackendError, match="first"):
        surely(work, lambda: ends.append("end"))
    assert ends == ["end"]


def test_surely_ends_again_when_the_interruption_strikes_the_end() -> None:
    ends: list[str] = []

    def end() -> None:
        ends.append("end")
        if len(ends) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surely(lambda: 0, end)
    assert ends == ["end", "end"]

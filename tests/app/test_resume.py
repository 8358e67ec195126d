"""Headless runs and bottles that go on: what is kept before every end, what is put back, and what a failure leaves."""

import json
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBox
from bottle.adapters.fake.state import FakeState
from bottle.app import inventory
from bottle.app.export import work_of
from bottle.app.export_ports import Kept, Work
from bottle.app.ports import ExecResult, World
from bottle.app.prepare import Prepared, Wanted, prepare
from bottle.app.resume import prepare_next_task, prepare_resumed
from bottle.app.run import Outcome, run_task
from bottle.app.start import run_attached, run_detached
from bottle.domain.errors import BackendError, BottleError, ConflictError, NotFoundError, TimeIsUpError, UsageError
from bottle.domain.state import Leftover
from tests.app.conftest import Stage
from tests.support.flaky import flaky

IDENTITY = "coder-aaaaa"
SESSION = "/home/node/.claude/projects/-home-node/5c1a.jsonl"
CODE = "/home/node/workspace/code"


def headless(box: FakeBox, _argv: Sequence[str], task: bytes) -> ExecResult:
    """An agent that notes the task in its session, changes its workspace and says both."""
    box.files[SESSION] = box.files.get(SESSION, b"") + task
    box.files[CODE] = box.files.get(CODE, b"") + b"+"
    events: list[dict[str, object]] = [{"type": "system", "session_id": "5c1a"}]
    events.append({"type": "result", "result": box.files[SESSION].decode(), "total_cost_usd": 0.5})
    return ExecResult(3, "\n".join(map(json.dumps, events)).encode(), b"a word of warning")


def fill(box: FakeBox) -> None:
    """What an agent does whose children are all the processes that the box may have, and who says good-bye."""
    box.is_full = True
    box.last_words = {SESSION: box.files.get(SESSION, b"") + b"bye;"}


def wanted(stage: Stage, *, keep: bool = False) -> Prepared:
    source = stage.home / "src"
    source.mkdir(exist_ok=True)
    return prepare(stage.world, Wanted("coder", cwd=str(source), copy_cwd=keep, keep_workspace=keep, headless=True))


def do(world: World, prepared: Prepared, text: str) -> Outcome:
    return run_task(world, prepared, text, seconds=10)


@pytest.fixture
def ran(stage: Stage) -> Stage:
    """A world in which one task was done, its workspace kept."""
    stage.backend.headless = headless
    do(stage.world, wanted(stage, keep=True), "one;")
    return stage


def test_a_task_gives_what_the_agent_says_and_leaves_evidence_alone(stage: Stage) -> None:
    stage.backend.headless = headless
    outcome = do(stage.world, wanted(stage), "one;")
    assert (outcome.report.result, outcome.report.session_id, outcome.report.cost_usd) == ("one;", "5c1a", 0.5)
    assert (outcome.status, outcome.complaint) == (3, "a word of warning")
    assert stage.backend.engine.bottles == {}
    metadata = stage.state.read(IDENTITY)
    assert (metadata.exit_status, metadata.session_id, bool(metadata.ended_at)) == (3, "5c1a", True)


def test_a_trail_that_an_agent_made_long_is_read_a_line_at_a_time(stage: Stage) -> None:
    stage.backend.headless = headless
    alive = Counter[str]()

    class Line(str):
        """A line of the trail, counted while somebody keeps it."""

        def __init__(self, _: str) -> None:
            alive["now"] += 1
            alive["most"] = max(alive["most"], alive["now"])

        def __del__(self) -> None:
            alive["now"] -= 1

    def trail(_state: FakeState, _identity: str) -> Iterator[str]:
        return (Line('{"kind": "http", "host": "a.example", "allowed": false}') for _ in range(1000))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeState, "audit_lines", trail)
        assert do(stage.world, wanted(stage), "one;").traffic.refused == 1000
    assert alive["most"] < 10


def test_of_a_result_without_end_the_last_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bottle.app.run.LONGEST_RESULT", 8)
    stage.backend.headless = headless
    assert do(stage.world, wanted(stage), "0123456789").report.result == "23456789"


def test_the_task_is_in_no_argument_list_and_no_state(stage: Stage) -> None:
    stage.backend.headless = headless
    do(stage.world, wanted(stage), "one;")
    ((plan, _),) = stage.backend.launched
    assert "one;" not in " ".join(plan.argv)
    assert "one;" not in repr(stage.state.read(IDENTITY))


def test_the_next_task_goes_on_with_session_and_workspace(ran: Stage) -> None:
    outcome = do(ran.world, prepare_next_task(ran.world, IDENTITY, "coder"), "two;")
    assert (outcome.identity, outcome.report.result) == (IDENTITY, "one;two;")
    plan, _ = ran.backend.launched[-1]
    assert plan.argv[plan.argv.index("--resume") + 1] == "5c1a"
    do(ran.world, prepare_next_task(ran.world, IDENTITY, "coder"), "three;")
    (kept,) = [archive for archive in ran.backend.launched[-1][0].archives if archive.part == "workspace"]
    assert kept.size
    rules = [event.rule for event in ran.state.events(IDENTITY)]
    assert rules == ["started", "ended", "resumed", "ended", "resumed", "ended"]


def test_a_person_goes_on_with_the_session_of_the_last_task(ran: Stage) -> None:
    boxes: list[FakeBox] = []

    def agent(box: FakeBox, _argv: Sequence[str]) -> int:
        boxes.append(box)
        return 0

    ran.backend.agent = agent
    assert run_attached(ran.world, prepare_resumed(ran.world, IDENTITY)) == 0
    argv = boxes[0].attached[0]
    assert argv[argv.index("--resume") + 1] == "5c1a"
    assert (boxes[0].files[SESSION], boxes[0].files[CODE]) == (b"one;", b"+")
    assert ran.state.read(IDENTITY).session_id == "5c1a"


def test_a_session_stays_known_over_a_bottle_that_was_left_running(ran: Stage) -> None:
    run_detached(ran.world, prepare_resumed(ran.world, IDENTITY))
    inventory.stop_all(ran.world, [IDENTITY])
    assert ran.state.read(IDENTITY).session_id == "5c1a"


def test_without_a_task_a_person_goes_on_with_what_was_used_last(stage: Stage) -> None:
    def agent(box: FakeBox, _argv: Sequence[str]) -> int:
        box.files[SESSION] = b"talk"
        return 0

    stage.backend.agent = agent
    run_attached(stage.world, stage.prepared())
    assert "--continue" in prepare_resumed(stage.world, IDENTITY).plan.argv


def test_without_the_wish_for_it_the_workspace_is_not_kept(stage: Stage) -> None:
    stage.backend.headless = headless
    do(stage.world, wanted(stage), "one;")
    do(stage.world, prepare_next_task(stage.world, IDENTITY, "coder"), "two;")
    plan, _ = stage.backend.launched[-1]
    assert [archive.part for archive in plan.archives] == ["transcript"]


def test_a_stop_from_elsewhere_keeps_the_same(stage: Stage) -> None:
    run_detached(stage.world, wanted(stage, keep=True))
    stage.backend.open(IDENTITY).box.files[SESSION] = b"talk;"
    fill(stage.backend.open(IDENTITY).box)
    inventory.stop_all(stage.world, [IDENTITY])
    run_detached(stage.world, prepare_resumed(stage.world, IDENTITY))
    assert stage.backend.open(IDENTITY).box.files[SESSION] == b"talk;bye;"


def test_an_interruption_keeps_the_same(stage: Stage) -> None:
    def agent(box: FakeBox, _argv: Sequence[str]) -> int:
        box.files[SESSION] = b"talk"
        fill(box)
        stage.interruptions.strike()
        return 0

    stage.backend.agent = agent
    with pytest.raises(KeyboardInterrupt):
        run_attached(stage.world, stage.prepared())
    assert prepare_resumed(stage.world, IDENTITY).plan.archives


def test_a_task_that_is_interrupted_tells_what_came_of_it(stage: Stage) -> None:
    def struck(box: FakeBox, argv: Sequence[str], task: bytes) -> ExecResult:
        headless(box, argv, task)
        stage.clock.advance(seconds=3)
        stage.clock.jump(days=-365)
        stage.interruptions.strike()
        raise AssertionError("the signal raises")

    stage.backend.headless = struck
    outcome = do(stage.world, wanted(stage), "one;")
    assert (outcome.status, outcome.interrupted) == (None, signal.SIGINT)
    assert outcome.seconds == 3, "a clock that is set meanwhile makes no difference"
    assert stage.backend.engine.bottles == {}
    stage.backend.headless = headless
    assert do(stage.world, prepare_next_task(stage.world, IDENTITY, "coder"), "two;").report.result == "one;two;"


def test_an_interruption_before_there_is_a_bottle_leaves_nothing_to_tell(stage: Stage) -> None:
    prepared = wanted(stage)
    stage.backend.fault = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        do(stage.world, prepared, "one;")
    assert list(stage.state.identities()) == []


def test_an_agent_that_crashes_keeps_the_same(stage: Stage) -> None:
    def crashes(box: FakeBox, argv: Sequence[str], task: bytes) -> ExecResult:
        headless(box, argv, task)
        fill(box)
        return ExecResult(139, b"half a li", b"Segmentation fault")

    stage.backend.headless = crashes
    outcome = do(stage.world, wanted(stage), "one;")
    assert (outcome.status, outcome.complaint) == (139, "Segmentation fault")
    assert prepare_resumed(stage.world, IDENTITY).plan.archives


def test_time_that_is_up_ends_the_bottle_and_keeps_its_session(stage: Stage) -> None:
    def slow(box: FakeBox, argv: Sequence[str], task: bytes) -> ExecResult:
        headless(box, argv, task)
        fill(box)
        raise TimeIsUpError("it did not end")

    stage.backend.headless = slow
    outcome = do(stage.world, wanted(stage), "one;")
    assert outcome.status is None
    assert stage.backend.engine.bottles == {}
    stage.backend.headless = headless
    assert do(stage.world, prepare_next_task(stage.world, IDENTITY, "coder"), "two;").report.result == "one;bye;two;"


def test_a_bottle_that_runs_is_not_resumed(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    with pytest.raises(ConflictError, match="is running"):
        prepare_resumed(stage.world, IDENTITY)


def test_a_bottle_that_was_lost_is_ended_first_and_nothing_of_it_is_lost(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    stage.backend.open(IDENTITY).box.files[SESSION] = b"talk"
    stage.state.update(evolve(stage.state.read(IDENTITY), detached=False))
    prepared = prepare_resumed(stage.world, IDENTITY)
    assert stage.backend.engine.bottles == {}
    assert prepared.plan.archives


def test_a_start_again_that_fails_leaves_the_bottle_as_it_was(ran: Stage) -> None:
    before = ran.state.read(IDENTITY)
    prepared = prepare_resumed(ran.world, IDENTITY)
    ran.backend.fault = BackendError("no room")
    with pytest.raises(BackendError, match="no room"):
        run_attached(ran.world, prepared)
    assert ran.state.read(IDENTITY) == before
    assert prepare_resumed(ran.world, IDENTITY).plan.archives == prepared.plan.archives


def test_of_two_that_resume_one_is_told_that_it_came_too_late(ran: Stage) -> None:
    late = prepare_resumed(ran.world, IDENTITY)
    run_detached(ran.world, prepare_resumed(ran.world, IDENTITY))
    with pytest.raises(ConflictError, match="has changed meanwhile"):
        run_attached(ran.world, late)
    assert [row.status for row in inventory.rows(ran.world)] == ["running"]


def test_nobody_meddles_with_a_bottle_while_its_end_is_under_way(stage: Stage) -> None:
    """Taking out a workspace may last minutes: until it is done, the identity is its launcher's."""
    tried: list[str] = []

    def meanwhile(box: FakeBox, _argv: Sequence[str], _task: bytes) -> ExecResult:
        box.files[SESSION] = b"talk"
        return ExecResult(0, b"", b"")

    def keeping(identity: str, name: str, content: bytes) -> None:
        plan = inventory.plan_cleanup(stage.world)
        tried.extend([row.status for row in inventory.rows(stage.world)])
        tried.extend(inventory.clean_up(stage.world, inventory.CleanupPlan((Leftover(IDENTITY, "state", IDENTITY),))))
        for attempt in (lambda: inventory.stop(stage.world, IDENTITY), lambda: prepare_resumed(stage.world, IDENTITY)):
            with pytest.raises(ConflictError) as told:
                attempt()
            tried.append(str(told.value))
        assert plan.leftovers == ()

    stage.backend.headless = meanwhile
    stage.state.keep_log = keeping  # type: ignore[method-assign]
    do(stage.world, wanted(stage), "one;")
    assert tried == ["running", "the identity is being ended by another process", f"{IDENTITY} is running"]
    assert prepare_resumed(stage.world, IDENTITY).plan.archives


def ended_by_another(stage: Stage) -> None:
    """Somebody stops the bottle when its agent has said all."""

    def stopped(box: FakeBox, argv: Sequence[str], task: bytes) -> ExecResult:
        done = headless(box, argv, task)
        inventory.stop(stage.world, IDENTITY)
        return done

    stage.backend.headless = stopped


def test_a_session_is_known_though_somebody_else_ended_its_bottle(stage: Stage) -> None:
    ended_by_another(stage)
    do(stage.world, wanted(stage), "one;")
    metadata = stage.state.read(IDENTITY)
    assert (metadata.session_id, metadata.exit_status) == ("5c1a", None)
    assert [event.rule for event in stage.state.events(IDENTITY)] == ["started", "ended"]


def test_who_comes_after_anothers_end_takes_nothing_out(stage: Stage) -> None:
    """The box is gone, and what was kept of it is whole: nobody is told that something was not."""
    ended_by_another(stage)
    world = stage.world
    do(world, wanted(stage), "one;")
    assert [step for step in world.progress.steps if "kept" in step] == []  # type: ignore[attr-defined]


def test_a_box_goes_though_the_disk_takes_not_a_word_of_it(stage: Stage) -> None:
    """On a full disk nothing can be kept or written down: the box ends all the same, and one clean-up later all is."""
    stage.backend.headless = headless
    full = BottleError("no space left on device")
    prepared = wanted(stage)
    world = stage.with_faults(state=flaky(stage.state, "update", full))
    with pytest.raises(BottleError, match="no space left"):
        do(world, prepared, "one;")
    assert stage.backend.engine.bottles == {}
    assert [row.status for row in inventory.rows(stage.world, everything=True)] == ["lost"]
    assert prepare_resumed(stage.world, IDENTITY).plan.archives, "the session was kept before"


def test_a_log_that_cannot_be_kept_does_not_cost_the_session(stage: Stage) -> None:
    stage.backend.headless = headless
    world = stage.with_faults(state=flaky(stage.state, "keep_log", BottleError("no space left on device")))
    do(world, wanted(stage), "one;")
    assert prepare_resumed(stage.world, IDENTITY).plan.archives


def test_a_box_that_cannot_be_packed_is_told_and_still_goes(stage: Stage) -> None:
    def dies(box: FakeBox, _argv: Sequence[str], _task: bytes) -> ExecResult:
        box.files[f"{SESSION}/below/a/file"] = box.files[SESSION] = b""
        return ExecResult(0, b"", b"")

    stage.backend.headless = dies
    world = stage.world
    do(world, wanted(stage), "one;")
    assert any("could not be kept" in step for step in world.progress.steps)  # type: ignore[attr-defined]
    assert stage.backend.engine.bottles == {}
    with pytest.raises(ConflictError, match="nothing was kept"):
        prepare_next_task(world, IDENTITY, "coder")


def test_what_cannot_be_resumed_is_told(ran: Stage) -> None:
    with pytest.raises(UsageError, match="coder's, not other's"):
        prepare_next_task(ran.world, IDENTITY, "other")
    with pytest.raises(NotFoundError):
        prepare_resumed(ran.world, "coder-zzzzz")
    ran.state.damage(IDENTITY)
    with pytest.raises(ConflictError, match="damaged"):
        prepare_resumed(ran.world, IDENTITY)


def test_a_removal_that_fails_keeps_what_was_taken_out(ran: Stage) -> None:
    stuck = flaky(ran.backend, "destroy", BackendError("the engine went away"))
    world = ran.with_faults(backend=stuck)
    prepared = evolve(prepare_resumed(ran.world, IDENTITY), backend=stuck)
    with pytest.raises(BackendError, match="went away"):
        run_attached(world, prepared)
    assert not ran.state.read(IDENTITY).ended_at
    assert prepare_resumed(ran.world, IDENTITY).plan.archives


def test_a_kept_workspace_is_found_with_how_it_began_and_taken_anew_where_it_runs(stage: Stage) -> None:
    run_detached(stage.world, wanted(stage, keep=True))
    stage.backend.open(IDENTITY).box.files[CODE] = b"+"
    seen: list[Kept] = []

    class Bench:
        """Looks at what it is given; git is tried elsewhere (tests/life)."""

        @contextmanager
        def comparing(self, kept: Kept, _repository: Path) -> Iterator[Work]:
            seen.append(kept)
            raise BackendError("seen")
            yield

    def export() -> None:
        with work_of(stage.world, Bench(), IDENTITY, Path("/nowhere")):
            pass

    with pytest.raises(BackendError, match="seen"):
        export()
    assert (seen[0].base.part, seen[0].work.part) == ("base", "workspace")
    assert seen[0].metadata.ended_at  # a time for the commit, of a bottle that still runs
    assert stage.state.read(IDENTITY).ended_at == ""
    assert [row.status for row in inventory.rows(stage.world)] == ["running"]
    fill(stage.backend.open(IDENTITY).box)
    with pytest.raises(BackendError, match="no further process"):
        export()

"""What runs, what is kept, what is left over: seen from any process, and removed without touching what runs."""

from datetime import timedelta

import pytest
from attrs import evolve

from bottle.app import inventory
from bottle.app.ports import Survey
from bottle.app.start import run_attached, run_detached
from bottle.cli.rows import remarks
from bottle.domain.errors import BackendError, ConflictError, NotFoundError
from bottle.domain.state import Metadata
from tests.app.conftest import Stage
from tests.support.flaky import flaky

IDENTITY = "coder-aaaaa"


def lost(stage: Stage) -> None:
    """A bottle whose launcher was killed: it runs, nobody tends it, and nobody left it running on purpose."""
    run_detached(stage.world, stage.prepared())
    stage.state.update(evolve(stage.state.read(IDENTITY), detached=False))


def test_a_running_bottle_is_listed_with_what_it_is(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    (row,) = inventory.rows(stage.world)
    assert (row.identity, row.agent, row.bottle, row.status) == (IDENTITY, "coder", "claude", "running")
    assert row.services == ("egress",)


def test_an_ended_bottle_is_listed_among_all_alone(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    assert inventory.rows(stage.world) == []
    assert [row.status for row in inventory.rows(stage.world, everything=True)] == ["ended"]


def test_nobody_waits_for_a_backend_that_no_bottle_needs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run_attached(stage.world, stage.prepared())
    monkeypatch.setattr(type(stage.backend), "survey", lambda _: pytest.fail("the backend was asked"))
    assert [row.status for row in inventory.rows(stage.world, everything=True)] == ["ended"]


def test_a_bottle_that_lost_its_launcher_is_lost(stage: Stage) -> None:
    lost(stage)
    assert [row.status for row in inventory.rows(stage.world, everything=True)] == ["lost"]


def test_a_claim_that_is_tended_is_starting(stage: Stage) -> None:
    world = stage.world
    metadata = Metadata(IDENTITY, "coder", "claude", "docker", "2026-01-01T00:00:00+00:00")
    world.state.claim(metadata)
    with world.state.hold(IDENTITY):
        assert [row.status for row in inventory.rows(world)] == ["starting"]
        assert inventory.plan_cleanup(world).leftovers == ()


def test_damaged_state_is_listed_and_not_taken_for_absence(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    stage.state.damage(IDENTITY)
    assert [row.status for row in inventory.rows(stage.world, everything=True)] == ["lost"]


def test_stopping_tears_down_and_keeps_the_evidence(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    assert inventory.stop_all(stage.world, [IDENTITY]) == [IDENTITY]
    assert stage.backend.engine.bottles == {}
    assert stage.state.read(IDENTITY).ended_at
    assert b"ready" in inventory.sidecar_log(stage.world, IDENTITY)


def test_stopping_what_does_not_run_is_an_error_after_the_others_were_stopped(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    with pytest.raises(NotFoundError, match="coder-zzzzz"):
        inventory.stop_all(stage.world, ["coder-zzzzz", IDENTITY])
    assert stage.backend.engine.bottles == {}


def test_finding_hints_at_the_nearest_identity(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    with pytest.raises(NotFoundError) as caught:
        inventory.find(stage.world, "coder-aaaab")
    assert caught.value.hint == f"did you mean '{IDENTITY}'?"


def test_clean_up_removes_a_lost_bottle_and_its_state(stage: Stage) -> None:
    lost(stage)
    plan = inventory.plan_cleanup(stage.world)
    assert {item.kind for item in plan.leftovers} == {"container", "network", "state"}
    assert inventory.clean_up(stage.world, plan) == [IDENTITY]
    assert stage.backend.leftovers() == []
    assert stage.state.identities() == []


def test_clean_up_never_takes_a_running_bottle(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    assert inventory.plan_cleanup(stage.world).leftovers == ()
    with pytest.raises(ConflictError, match="is running"):
        inventory.plan_cleanup(stage.world, IDENTITY)


def test_a_bottle_that_came_to_life_after_the_plan_is_passed_over(stage: Stage) -> None:
    lost(stage)
    plan = inventory.plan_cleanup(stage.world)
    stage.state.update(evolve(stage.state.read(IDENTITY), detached=True))
    assert inventory.clean_up(stage.world, plan) == []
    assert stage.backend.engine.bottles


def test_things_without_any_state_are_found_by_their_label(stage: Stage) -> None:
    lost(stage)
    stage.state.release(IDENTITY)
    plan = inventory.plan_cleanup(stage.world)
    assert plan.identities == (IDENTITY,)
    inventory.clean_up(stage.world, plan)
    assert stage.backend.leftovers() == []


def test_state_stays_while_the_engine_that_may_hold_the_rest_is_away(stage: Stage) -> None:
    lost(stage)
    stage.backend.found = Survey(usable=False, reason="no engine answers")
    with pytest.raises(BackendError):
        inventory.clean_up(stage.world, inventory.plan_cleanup(stage.world))
    assert stage.state.identities() == [IDENTITY]


def test_a_bottle_whose_engine_is_away_is_listed_as_unknown(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    stage.backend.found = Survey(usable=False, reason="no engine answers")
    rows = inventory.rows(stage.world)
    assert [row.status for row in rows] == ["unknown"]
    assert [remark.partition(",")[0] for remark in remarks(rows)] == [f"unknown: {rows[0].backend} does not answer"]


def test_stopping_all_passes_nothing_over_that_may_run(stage: Stage) -> None:
    """Its engine does not answer: who is to be stopped is refused, not left out."""
    run_detached(stage.world, stage.prepared())
    stage.backend.found = Survey(usable=False, reason="no engine answers")
    assert inventory.running_identities(stage.world) == [IDENTITY]


def test_clean_up_of_one_leaves_the_other(stage: Stage) -> None:
    world = stage.world
    run_attached(world, stage.prepared(world))
    run_attached(world, stage.prepared(world))
    inventory.clean_up(world, inventory.plan_cleanup(world, IDENTITY))
    assert stage.state.identities() == ["coder-aaaab"]


def test_clean_up_tries_everything_before_it_fails(stage: Stage) -> None:
    world = stage.world
    for _ in range(2):
        run_detached(world, stage.prepared(world))
    for identity in stage.state.identities():
        stage.state.update(evolve(stage.state.read(identity), detached=False))
    stuck = stage.with_faults(backend=flaky(stage.backend, "destroy", BackendError("would not go")))
    with pytest.raises(BackendError, match="would not go"):
        inventory.clean_up(stuck, inventory.plan_cleanup(stuck))
    assert stage.state.identities() == [IDENTITY]


def test_old_bottles_alone_are_cleaned_up_where_that_is_asked_for(stage: Stage) -> None:
    """By their end, or where nobody saw that by their beginning; what has no age that can be told stays."""
    run_attached(stage.world, stage.prepared())
    old = stage.state.read(IDENTITY)
    stage.clock.advance(days=8)
    week, month = timedelta(days=7).total_seconds(), timedelta(days=30).total_seconds()
    assert inventory.plan_cleanup(stage.world, older_than=week).identities == (IDENTITY,)
    assert inventory.plan_cleanup(stage.world, older_than=month).identities == ()
    stage.state.update(evolve(old, ended_at=""))
    assert inventory.plan_cleanup(stage.world, older_than=week).identities == (IDENTITY,)
    stage.state.update(evolve(old, ended_at="whenever", started_at=""))
    assert inventory.plan_cleanup(stage.world, older_than=week).identities == ()
    stage.state.damage(IDENTITY)
    assert inventory.plan_cleanup(stage.world, older_than=week).identities == ()
    assert inventory.plan_cleanup(stage.world).identities == (IDENTITY,)


def test_age_never_brings_a_running_bottle_into_the_plan(stage: Stage) -> None:
    run_detached(stage.world, stage.prepared())
    stage.clock.advance(days=400)
    assert inventory.plan_cleanup(stage.world, older_than=1).identities == ()


def test_what_is_kept_is_measured_where_all_are_listed(stage: Stage) -> None:
    run_attached(stage.world, stage.prepared())
    (row,) = inventory.rows(stage.world, everything=True)
    assert row.size == inventory.row_of(stage.world, IDENTITY).size
    assert row.ended_at == stage.state.read(IDENTITY).ended_at

"""From words to a plan: which backend, which secrets, which faults."""

import pytest
from attrs import evolve

from bottle.app.prepare import Wanted, prepare, require_ready
from bottle.domain.errors import BackendError, SecretMissingError, UsageError
from tests.app.conftest import BASE, Stage


def test_a_named_backend_is_never_replaced(stage: Stage) -> None:
    with pytest.raises(BackendError, match="'bubblewrap' is not served"):
        prepare(stage.world, Wanted("other"))


@pytest.mark.parametrize("flag", ["docker", None])
def test_flag_before_environment_before_manifest(stage: Stage, flag: str | None) -> None:
    world = evolve(stage.world, chosen_backend="docker")
    assert prepare(world, Wanted("other", backend=flag)).plan.backend == "docker"


def test_preparing_touches_nothing_and_asks_nobody(stage: Stage) -> None:
    stage.prepared()
    assert (stage.state.identities(), stage.operator.asked, stage.backend.launched) == ([], [], [])


def test_what_is_missing_is_told_when_the_plan_is_to_be_carried_out(stage: Stage) -> None:
    stage.credentials = type(stage.credentials)({"BASE": BASE})
    prepared = stage.prepared()
    assert prepared.plan.missing_secrets == ("TOKEN",)
    with pytest.raises(SecretMissingError, match="TOKEN"):
        require_ready(prepared)


@pytest.mark.parametrize("wanted", [Wanted("coder", label="\x1b[31m"), Wanted("coder", color="puce")])
def test_labels_and_colours_are_checked(stage: Stage, wanted: Wanted) -> None:
    with pytest.raises(UsageError):
        prepare(stage.world, wanted)

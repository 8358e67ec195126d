"""What every backend promises of launches that fail or are broken off: they say why, and leave nothing."""

from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Cargo
from bottle.domain.errors import BackendError, ProvisionError
from bottle.domain.plan import BottlePlan, PlannedRoute
from bottle.domain.provision import GUEST_HOME, Check, HostTree
from tests.contract.conftest import ABSENT, Kind, injecting
from tests.support import bottles


def test_a_launch_that_is_asked_to_end_leaves_nothing(kind: Kind) -> None:
    backend, plan, progress = kind.backend("interrupted"), bottles.a_plan(kind.images), FakeProgress()
    with bottles.audit_directory() as audit, pytest.raises(BackendError, match="asked to end"):
        backend.launch(plan, bottles.a_cargo(), audit, progress, lambda: bool(progress.steps))
    assert not backend.leftovers()


def _broken_launches(plan: BottlePlan) -> dict[str, tuple[BottlePlan, Cargo, type[Exception]]]:
    route = PlannedRoute(injecting("api.example.com", "EGRESS_TOKEN_0"))
    check = Check(("false",), "the program is missing")
    env = bottles.a_plan((plan.image, plan.sidecar_image), host_env=["ABSENT"]).env
    return {
        "no image": (evolve(plan, image=ABSENT), bottles.a_cargo(), BackendError),
        "no sidecar image": (evolve(plan, sidecar_image=ABSENT), bottles.a_cargo(), BackendError),
        "a check that fails": (evolve(plan, checks=(check,)), bottles.a_cargo(), ProvisionError),
        "a value that did not come": (evolve(plan, env=env), bottles.a_cargo(), ProvisionError),
        "a secret that did not come": (evolve(plan, routes=(route,)), bottles.a_cargo(), ProvisionError),
        "a tree that is not there": (
            evolve(plan, trees=(HostTree("/not/there", f"{GUEST_HOME}/x"),)),
            bottles.a_cargo(),
            ProvisionError,
        ),
    }


@pytest.mark.parametrize("case", list(_broken_launches(bottles.a_plan((ABSENT, ABSENT)))))
def test_a_launch_that_fails_says_why_and_leaves_nothing(kind: Kind, case: str) -> None:
    backend = kind.backend("failing")
    plan, cargo, error = _broken_launches(bottles.a_plan(kind.images))[case]
    with bottles.audit_directory() as audit, pytest.raises(error):
        backend.launch(plan, cargo, audit, FakeProgress(), bottles.never)
    assert not backend.leftovers()


def test_a_launch_without_a_directory_for_the_trail_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    backend, plan = kind.backend("failing"), bottles.a_plan(kind.images)
    with pytest.raises(BackendError):
        backend.launch(plan, bottles.a_cargo(), tmp_path / "absent", FakeProgress(), bottles.never)
    assert not backend.leftovers()

"""However a launch ends, nothing of it is left: Ctrl-C at any moment, a launcher that is killed, many at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attrs import evolve

from bottle.adapters.docker import containers
from bottle.adapters.docker.connection import connect
from bottle.adapters.docker.engine import Engine
from bottle.adapters.docker.names import Names, Owned, subnet_for
from bottle.adapters.fake.progress import FakeProgress
from bottle.domain.errors import BackendError, BottleError, ConflictError
from bottle.domain.manifest import Remote
from bottle.domain.provision import Check
from tests.support import bottles
from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
LAUNCHER = """
import sys
from pathlib import Path
from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.interruptions import SignalInterruptions
from tests.support import bottles

interruptions = SignalInterruptions()
backend = bottles.docker_backend(sys.argv[1])
plan = bottles.a_plan(bottles.images_for_tests(), identity=sys.argv[2])
bottles.certificates()
try:
    print("go", flush=True)
    with interruptions.shielded() as stopping:
        backend.launch(plan, bottles.a_cargo(), Path(sys.argv[3]), FakeProgress(), stopping)
except KeyboardInterrupt:
    sys.exit(130)
print("launched", flush=True)
sys.exit(0)
"""


@pytest.fixture(autouse=True)
def _docker() -> None:
    require("docker")
    bottles.images_for_tests()


def _launcher(owner: str, identity: str, audit: Path) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, owner, identity, str(audit)], stdout=subprocess.PIPE, env=environ, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    return process


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8])
def test_ctrl_c_at_any_moment_leaves_nothing(delay: float) -> None:
    owner, identity = f"interrupt-{delay}:{os.getpid()}", bottles.fresh_identity()
    backend = bottles.docker_backend(owner)
    with bottles.audit_directory() as audit, _launcher(owner, identity, audit) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        status = process.wait(40)
        left = backend.leftovers()
        backend.destroy(identity)
    assert status in {0, 130}
    if status == 130:
        assert not left


def test_a_launch_that_waits_for_its_box_ends_when_it_is_asked_to() -> None:
    backend, progress = bottles.docker_backend(f"asked:{os.getpid()}"), FakeProgress()
    hanging = Check(("sleep", "50"), "it never ends")
    plan = evolve(bottles.a_plan(bottles.images_for_tests()), checks=(hanging,))
    began = time.monotonic()
    with bottles.audit_directory() as audit, pytest.raises(BackendError, match="asked to end"):
        backend.launch(plan, bottles.a_cargo(), audit, progress, lambda: time.monotonic() > began + 2)
    assert len(progress.steps) == 2
    assert not backend.leftovers()


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.6])
def test_what_a_killed_launcher_left_is_found_and_removed(delay: float) -> None:
    owner, identity = f"killed-{delay}:{os.getpid()}", bottles.fresh_identity()
    backend = bottles.docker_backend(owner)
    with bottles.audit_directory() as audit, _launcher(owner, identity, audit) as process:
        time.sleep(delay)
        process.kill()
        process.wait(60)
        time.sleep(1)  # what the engine was doing for it, it finishes
        assert {left.identity for left in backend.leftovers()} <= {identity}
        backend.destroy(identity)
    assert not backend.leftovers()


def test_bottles_that_start_and_end_at_the_same_time_do_not_disturb_each_other() -> None:
    backend, failures = bottles.docker_backend(f"crowd:{os.getpid()}"), []

    def one() -> None:
        try:
            with bottles.launched(backend, bottles.a_plan(bottles.images_for_tests())) as bottle:
                assert bottle.run(["true"]).status == 0
        except (BottleError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not backend.leftovers()


def test_two_launches_of_one_identity_have_one_winner_that_is_whole() -> None:
    backend, plan = bottles.docker_backend(f"race:{os.getpid()}"), bottles.a_plan(bottles.images_for_tests())
    outcomes: list[str] = []

    def one() -> None:
        try:
            backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
            outcomes.append("won")
        except BottleError as error:
            outcomes.append(error.code if isinstance(error, ConflictError) else str(error))

    with bottles.audit_directory() as audit:
        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        try:
            assert sorted(outcomes) in (["conflict", "won"], ["conflict", "conflict"])
            if "won" in outcomes:
                assert backend.open(plan.identity).run(["true"]).status == 0
            else:
                assert not backend.leftovers()
        finally:
            backend.destroy(plan.identity)


def test_a_subnet_that_is_taken_makes_way_for_another() -> None:
    """Two owners' networks want the same addresses: the second launch finds others."""
    backend, plan = bottles.docker_backend(f"squeezed:{os.getpid()}"), bottles.a_plan(bottles.images_for_tests())
    engine, names = Engine(connect(os.environ, Path.home())), Names(plan.identity)
    owned = Owned("squatter", plan.identity)
    squatter = engine.create_network(
        f"{names.network}-squatter", subnet_for(names.network, 0), owned.labels("network"), {}, internal=True
    )
    try:
        with bottles.launched(backend, plan) as bottle:
            assert bottle.run(["true"]).status == 0
    finally:
        engine.remove_network(squatter)
    assert not backend.leftovers()


def test_repositories_whose_container_somebody_removed_are_found_and_removed() -> None:
    """`docker rm` leaves a container's volumes; nobody else would ever know whose the git gate's was."""
    owner, engine = f"pruned:{os.getpid()}", Engine(connect(os.environ, Path.home()))
    backend, plan = bottles.docker_backend(owner), bottles.a_plan(bottles.images_for_tests())
    plan = evolve(plan, remotes={"results": Remote("local")})
    names, owned = Names(plan.identity), Owned(owner, plan.identity, "launch")
    with bottles.audit_directory() as audit:
        body = containers.sidecar_apart(plan, names, owned, subnet_for(names.egress_network, 0), audit, None, 7000)
        container = engine.create_container(names.sidecar, {**body, "NetworkingConfig": {}})
    engine.client.remove_container(container, v=False)
    (left,) = backend.leftovers()
    assert (left.identity, left.kind) == (plan.identity, "volume")
    bottles.docker_backend("somebody-else").destroy(plan.identity)
    assert list(backend.leftovers()) == [left]
    backend.destroy(plan.identity)
    assert not backend.leftovers()

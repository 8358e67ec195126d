"""What every backend promises (ports.Backend, ports.Bottle), on the fake and on each that this machine has."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from bottle.adapters.fake.backend import FakeBottle
from bottle.adapters.fake.progress import FakeProgress
from bottle.app.ports import Backend, Bottle
from bottle.domain.egress import Policy, Route
from bottle.domain.errors import BackendError, ConflictError, NotFoundError, ProvisionError, TimeIsUpError
from bottle.domain.hosts import HostPattern
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_HOME
from tests.contract.conftest import ABSENT, ODD, Kind
from tests.support import bottles

FILL = """
import os, signal, sys
def end(*_):
    with open("/home/node/told", "w") as file:
        file.write("told")
    os._exit(7)

signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        child = os.fork()
    except OSError:
        break
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        signal.pause()
signal.signal(signal.SIGTERM, end)
print("full", flush=True)
signal.pause()
"""
TWO_PROCESSES = ("sh", "-c", "true | true")


def test_a_survey_says_that_the_backend_can_work_and_names_its_walls(kind: Kind) -> None:
    survey = kind.backend().survey()
    assert survey.usable
    assert survey.walls
    assert all(wall.name and wall.how for wall in survey.walls)


def test_an_image_that_is_not_there_is_missing_and_others_are_not(kind: Kind) -> None:
    assert list(kind.backend().missing([kind.images[0], ABSENT, kind.images[1]])) == [ABSENT]


def test_an_image_that_is_taken_as_it_is_cannot_be_built(kind: Kind) -> None:
    with pytest.raises(ProvisionError, match=ABSENT.tag):
        kind.backend().build(ABSENT, FakeProgress())


def test_a_command_gives_its_status_and_outputs(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    assert bottle.run(["true"]).status == 0
    assert bottle.run(["false"]).status == 1
    missing = bottle.run(["cat", "/not/there"])
    assert missing.status == 1
    assert missing.stdout == b""
    assert b"/not/there" in missing.stderr


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_input_reaches_a_command_whole_and_ends(furnished: tuple[Backend, Bottle, BottlePlan], size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"\0" * (size % 256)
    assert furnished[1].run(["cat"], stdin=content).stdout == content


def test_the_environment_is_the_plans_and_the_cargos(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].run(["printenv", "OPEN"]).stdout == b"in the manifest\n"
    assert furnished[1].run(["printenv", "CLOSED"]).stdout == b'it\'s $HOME\n`id` \\ "x" \n'
    assert furnished[1].run(["printenv", "NOT_SAID"]).status == 1


def test_files_and_trees_are_in_their_places(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].run(["cat", f"{GUEST_HOME}/.deep/er/file"]).stdout == b"furniture"
    assert furnished[1].run(["cat", f"{GUEST_HOME}/workspace/notes.txt"]).stdout == b"from the host"


def test_gap_05_names_in_a_skill_or_another_tree_are_words_of_no_shell(
    furnished: tuple[Backend, Bottle, BottlePlan],
) -> None:
    assert furnished[1].run(["cat", f"{GUEST_HOME}/workspace/{ODD}/-rf"]).stdout == b"odd"


def test_a_command_that_takes_too_long_is_an_error(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    with pytest.raises(TimeIsUpError, match="did not end"):
        furnished[1].run(["sleep", "30"], timeout=0.5)


def test_what_a_command_says_can_be_heard_as_it_comes(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    heard: dict[int, bytes] = {1: b"", 2: b""}

    def hear(stream: int, piece: bytes) -> None:
        heard[stream] += piece

    content = bytes(range(256)) * 1000
    done = furnished[1].run(["cat"], stdin=content, heard=hear)
    assert (done.status, done.stdout, done.stderr) == (0, b"", b"")
    assert furnished[1].run(["cat", "/not/there"], heard=hear).status == 1
    assert heard[1] == content
    assert b"/not/there" in heard[2]


def test_who_hears_may_stop_a_command(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    def refuse(_stream: int, _piece: bytes) -> None:
        raise BackendError("more than is taken")

    with pytest.raises(BackendError, match="more than is taken"):
        furnished[1].run(["cat"], stdin=b"x" * 100_000, heard=refuse)
    assert furnished[1].run(["true"]).status == 0


def test_another_process_opens_the_bottle_and_finds_the_same_environment(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    opened = kind.backend().open(furnished[2].identity)
    assert opened.identity == furnished[2].identity
    assert opened.run(["printenv", "CLOSED"]).stdout == b'it\'s $HOME\n`id` \\ "x" \n'


def test_a_box_whose_processes_are_all_taken_is_emptied(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    """The agent is told and may write its last words; who does not listen is ended. Then there is room again."""
    bottle, told = furnished[1], f"{GUEST_HOME}/told"
    if isinstance(bottle, FakeBottle):
        bottle.box.is_full, bottle.box.last_words = True, {told: b"told"}
        with pytest.raises(BackendError):
            bottle.run(TWO_PROCESSES)
        bottle.end_agent()
    else:
        is_full = threading.Event()
        with ThreadPoolExecutor() as beside:
            agent = beside.submit(bottle.run, ["python3", "-c", FILL], heard=lambda *_: is_full.set())
            assert is_full.wait(60)
            assert not _runs_two_processes(bottle)
            kind.backend().open(bottle.identity).end_agent()
            assert agent.result().status == 7
    assert bottle.run(["cat", told]).stdout == b"told"
    assert _runs_two_processes(bottle)


def _runs_two_processes(bottle: Bottle) -> bool:
    try:
        return bottle.run(TWO_PROCESSES).status == 0
    except BackendError:
        return False


def test_a_box_in_which_nothing_runs_is_emptied_as_well(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    furnished[1].end_agent()
    assert furnished[1].run(["true"]).status == 0


def test_an_attached_agents_status_is_given_back(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert furnished[1].attach(["true"]) == 0
    assert furnished[1].attach(["false"]) == 1


def test_a_running_bottle_is_listed_with_what_serves_it(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    backend, _, plan = furnished
    listed = {running.identity: running for running in backend.running()}
    assert listed[plan.identity].alive
    assert listed[plan.identity].services == ("egress",)


def test_the_sidecars_log_can_be_had(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    assert b'"ready"' in furnished[1].sidecar_log()


def test_a_new_policy_stands_when_reload_returns(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    bottle.reload(Policy((Route(HostPattern("api.example.com"), methods=("GET",)),), version=7))
    assert b'"version": 7' in bottle.sidecar_log()


def test_a_policy_that_the_sidecar_refuses_is_an_error(furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    _, bottle, _ = furnished
    with pytest.raises(BackendError, match="refused"):
        bottle.reload(Policy((Route(HostPattern("nobody-has-a-certificate-for.example.com")),), version=8))
    bottle.reload(Policy(version=9))


def test_an_identity_is_launched_once_and_the_loser_leaves_the_winner_alone(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    _, bottle, plan = furnished
    bare = evolve(plan, env=(), trees=(), checks=(), routes=())
    for owner in ("contract", "somebody-else") if kind.shares_names else ("contract",):
        backend = kind.backend(owner)
        with bottles.audit_directory() as audit, pytest.raises(ConflictError):
            backend.launch(bare, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
    assert bottle.run(["true"]).status == 0
    assert not kind.backend("somebody-else").leftovers()


def test_destroy_takes_one_bottle_whole_and_no_other(kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]) -> None:
    backend, neighbour, neighbours_plan = furnished
    plan = bottles.a_plan(kind.images)
    with bottles.launched(backend, plan) as bottle:
        assert {left.identity for left in backend.leftovers()} == {plan.identity, neighbours_plan.identity}
        backend.destroy(plan.identity)
        backend.destroy(plan.identity)
        assert {left.identity for left in backend.leftovers()} == {neighbours_plan.identity}
        assert [running.identity for running in backend.running()] == [neighbours_plan.identity]
        with pytest.raises(BackendError):
            bottle.run(["true"])
        with pytest.raises(BackendError):
            bottle.attach(["true"])
        with pytest.raises(BackendError):
            bottle.end_agent()
        with pytest.raises(NotFoundError):
            backend.open(plan.identity)
    assert neighbour.run(["true"]).status == 0


def test_one_owner_neither_sees_nor_removes_anothers_bottles(
    kind: Kind, furnished: tuple[Backend, Bottle, BottlePlan]
) -> None:
    _, bottle, plan = furnished
    stranger = kind.backend("stranger")
    assert not stranger.running()
    assert not stranger.leftovers()
    with pytest.raises(NotFoundError):
        stranger.open(plan.identity)
    stranger.destroy(plan.identity)
    assert bottle.run(["true"]).status == 0


@pytest.mark.parametrize("identity", ["", "probe", "*", "PROBE-abc12", "probe-abc12\n", "probe-abc12,probe-abc13"])
def test_destroy_of_what_is_no_identity_removes_nothing(
    furnished: tuple[Backend, Bottle, BottlePlan], identity: str
) -> None:
    backend, bottle, _ = furnished
    with pytest.raises(NotFoundError):
        backend.destroy(identity)
    assert bottle.run(["true"]).status == 0

"""What `smolvm` does that nobody expects (as its own source says it), and that the adapter falls into none of it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.smolmachines.backend import SmolmachinesBackend
from bottle.adapters.smolmachines.smolvm import Smolvm, find, machine_name
from bottle.domain.errors import BackendError, BottleError, WallsError
from tests.smolmachines.conftest import Stage, left, program
from tests.support import bottles, smolmachines
from tests.support.requirements import require

pytestmark = pytest.mark.skipif(smolmachines.is_real(), reason="faults are the double's")


def _launch(data: Path, **faults: str) -> list[str]:
    """What is left of a bottle that was launched and removed again, or whose launch failed."""
    backend = smolmachines.backend("tests:traps", data, **faults)
    plan = bottles.a_plan(smolmachines.images_for_tests())
    with bottles.audit_directory() as audit:
        try:
            bottle = backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), bottles.never)
            assert bottle.run(["true"]).status == 0
            backend.destroy(plan.identity)
        except BottleError as error:
            error.add_note(f"left: {left(backend)}")
            raise
    return list(left(backend))


@pytest.mark.parametrize(
    ("version", "usable"), [("0.8.0", False), ("1.0.1", False), ("1.6.4", False), ("1.8.0", False), ("1.8.1", True)]
)
def test_a_program_that_is_too_old_is_refused_by_its_number(data: Path, version: str, usable: bool) -> None:
    """Before 1.8 it lists no labels, so nobody could tell whose a machine is; before 1.6.4 it mounts no sockets."""
    survey = smolmachines.backend("tests:traps", data, SMOLVM_DOUBLE_VERSION=version).survey()
    assert survey.usable is usable
    assert usable or (f"smolvm {version} is too old" in survey.reason and "1.8.1" in (survey.hint or ""))


def test_the_first_command_after_a_boot_may_be_killed(data: Path) -> None:
    """Each step's first attempt is: they are unpacking, relay, settling, proof, and the agent's own."""
    assert _launch(data, SMOLVM_DOUBLE_KILL="1,3,5,7,9") == []


def test_a_machine_that_kills_everything_is_given_up(data: Path) -> None:
    with pytest.raises(BackendError, match="before it begins") as failure:
        _launch(data, SMOLVM_DOUBLE_KILL="3,4")
    assert failure.value.__notes__[-1] == "left: []"


def test_a_command_that_has_begun_is_never_run_twice(stage: Stage) -> None:
    """One that is killed ends with the same status as one that was killed before it began."""
    count = "echo once >> ~/count; kill -9 $$"
    assert stage.bottle.run(["sh", "-c", count]).status == 137
    assert stage.bottle.run(["cat", "/home/node/count"]).stdout == b"once\n"


def test_more_output_than_it_gathers_comes_whole(stage: Stage) -> None:
    """11 MiB, where it is not told to pass on what comes."""
    assert len(stage.bottle.run(["head", "-c", str(12 * 1024**2), "/dev/zero"]).stdout) == 12 * 1024**2


def test_a_command_is_the_agents_and_knows_its_home(stage: Stage) -> None:
    script = 'echo "$HOME $USER $LOGNAME" && id -un && pwd'
    assert stage.bottle.run(["sh", "-c", script]).stdout == b"/home/node node node\nnode\n/home/node\n"


def test_its_own_warnings_are_not_the_commands(stage: Stage) -> None:
    done = stage.bottle.run(["sh", "-c", "echo said; echo complained >&2; exit 1"])
    assert (done.status, done.stdout, done.stderr) == (1, b"said\n", b"complained\n")


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Where a bottle is, and its identity; the tests that take it leave less of it each."""
    require("smolmachines")
    data = tmp_path_factory.mktemp("worn")
    with bottles.launched(_worn(data), bottles.a_plan(smolmachines.images_for_tests())) as bottle:
        yield data, bottle.identity


def _worn(data: Path, **faults: str) -> SmolmachinesBackend:
    return smolmachines.backend("tests:worn", data, **faults)


def test_a_machine_that_dies_under_a_command_is_no_status(worn: tuple[Path, str]) -> None:
    """`smolvm` ends with 1 then, as many a command does."""
    data, identity = worn
    with pytest.raises(BackendError, match=r"went away: .*connection reset"):
        _worn(data, SMOLVM_DOUBLE_DIES="5").open(identity).run(["true"])
    (found,) = _worn(data).running()
    assert (found.identity, found.alive, found.services) == (identity, False, ("egress",))


def test_what_is_in_memory_is_lost_with_a_stop_and_then_nothing_runs(worn: tuple[Path, str]) -> None:
    """Somebody stops the machine and starts it again: without its settings no command would be held to them."""
    data, identity = worn
    for word in ("stop", "start"):
        assert program(data)("machine", word, "--name", machine_name(identity)).status == 0
    with pytest.raises(BackendError, match="/run/bottle/settings"):
        _worn(data).open(identity).run(["true"])


def test_sidecars_end_where_machines_cannot_even_be_listed(
    worn: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold the credentials; and a machine without them has no way out."""
    data, identity = worn
    backend = _worn(data)
    with monkeypatch.context() as patch:
        patch.setattr(Smolvm, "machines", _refuse)
        with pytest.raises(BackendError, match="would not go"):
            backend.destroy(identity)
    assert [leftover.kind for leftover in backend.leftovers()] == ["machine"]
    backend.destroy(identity)
    assert left(backend) == []


def _refuse(_: Smolvm) -> NoReturn:
    raise BackendError("nobody answers")


def test_a_machine_with_a_way_to_the_network_is_not_handed_over(data: Path) -> None:
    """However it came by that: a proxy of sockets in its kernel, a flag, a later version's default."""
    with pytest.raises(WallsError, match="network: there is a device besides loopback") as failure:
        _launch(data, SMOLVM_DOUBLE_NETWORK="host")
    assert failure.value.__notes__[-1] == "left: []"


def test_a_machine_that_does_not_start_is_removed_and_the_reason_told(data: Path) -> None:
    """It would stay listed as `created`."""
    with pytest.raises(BackendError, match="kvm not available") as failure:
        _launch(data, SMOLVM_DOUBLE_START="kvm not available: /dev/kvm: No such file or directory")
    assert "kvm" in (failure.value.hint or "")
    assert failure.value.__notes__[-1] == "left: []"


def test_what_it_keeps_of_a_machine_is_no_secret_and_no_network(stage: Stage) -> None:
    """Its database holds every argument and option for ever."""
    (database,) = stage.data.rglob("smolvm.db")
    ((record,),) = sqlite3.connect(database).execute("SELECT data FROM vms").fetchall()
    assert b"made-up-value" not in record
    assert b'"network": false' in record
    assert b'"env": []' in record
    assert b'"secret_refs": {}' in record


def test_anothers_machine_is_neither_listed_nor_removed(stage: Stage) -> None:
    stage.smolvm("machine", "create", "--name", "mine", "--image", "/mine.tar")
    try:
        stage.backend.destroy("mine-abc12")
        assert [leftover.name for leftover in stage.backend.leftovers() if leftover.name == "mine"] == []
        assert stage.smolvm("machine", "status", "--name", "mine").status == 0
    finally:
        stage.smolvm("machine", "delete", "-f", "--name", "mine")


def test_no_name_has_two_hyphens_in_a_row_and_no_two_are_the_same() -> None:
    """`smolvm` refuses the first, and identities may have them."""
    identities = ("a--b-abc12", "a---b-abc12", "a-b-abc12", "a-----b-abc12")
    names = [machine_name(identity) for identity in identities]
    assert not [name for name in names if "--" in name]
    assert len(set(names)) == len(identities)


def test_it_gets_nothing_of_this_processs_environment_but_what_it_needs(tmp_path: Path) -> None:
    """It may write down what it sees, and hands some of it on."""
    seen = tmp_path / "seen"
    smolvm = tmp_path / "smolvm"
    smolvm.write_text(f"#!/bin/sh\n/usr/bin/env > {seen}\necho smolvm 1.9.2\n")
    smolvm.chmod(0o755)
    found = find({"PATH": str(tmp_path), "HOME": "/home/sam", "SMOLVM_DATA_DIR": "/data", "GITHUB_TOKEN": "made-up"})
    assert found is not None
    assert found.version() == (1, 9, 2)
    assert {"PATH", "HOME", "SMOLVM_DATA_DIR"} <= {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert "made-up" not in seen.read_text()

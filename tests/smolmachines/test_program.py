"""The adapter before a `smolvm` that is missing, old, broken, slow or full: never taken for one that has nothing."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from bottle.adapters.fake.progress import FakeProgress
from bottle.adapters.process import Piped
from bottle.adapters.smolmachines.smolvm import Smolvm, Wish
from bottle.domain.errors import BackendError, BottleError, ConflictError, NotFoundError
from bottle.domain.manifest import Resources
from tests.smolmachines.conftest import Stage, left
from tests.support import bottles, smolmachines

LIVES = "trap 'touch ~/ended' HUP INT TERM; touch ~/begun; until [ -e ~/ended ]; do sleep 0.05; done"
WISH = Wish("one", Path("/image.tar"), {}, {}, Resources(memory=1024**3))


def broken(folder: Path, script: str) -> Smolvm:
    """A program of that name which does this."""
    program = folder / "smolvm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Smolvm(str(program), os.environ)


def test_without_the_program_nothing_is_usable_and_the_reason_is_told(tmp_path: Path) -> None:
    survey = smolmachines.backend("tests:none", tmp_path, PATH=str(tmp_path)).survey()
    assert not survey.usable
    assert survey.reason == "there is no smolvm on the PATH"
    assert "install" in (survey.hint or "")


@pytest.mark.parametrize("script", ["exit 1", "echo smolvm", "exit 0", "echo 1.9.2; exit 1"])
def test_a_program_that_does_not_tell_its_version_is_not_used(tmp_path: Path, script: str) -> None:
    """Whatever else it may do: the next thing that it says may be wrong, too."""
    smolvm = broken(tmp_path, script)
    with pytest.raises(BackendError, match="does not tell its version"):
        smolvm.version()
    survey = smolmachines.backend("tests:none", tmp_path, PATH=str(tmp_path)).survey()
    assert not survey.usable


GARBLED = ("", "No machines found", "{", "{}", "null", "7", "[7]", '[{"name": "one"}]', '[{"name": "a", "labels": 1}]')


@pytest.mark.parametrize("listing", GARBLED)
def test_a_listing_that_is_garbled_is_no_empty_one(tmp_path: Path, listing: str) -> None:
    """`bottle cleanup` would report that nothing is left."""
    smolvm = broken(tmp_path, f"cat <<'END'\n{listing}\nEND")
    with pytest.raises(BackendError, match="not understood"):
        smolvm.machines()


@pytest.mark.parametrize(
    ("said", "error", "told", "hint"),
    [
        ("Error: config operation failed: create machine: machine 'one' already exists", ConflictError, "taken", "cl"),
        ("Error: vm not found: one", NotFoundError, "vm not found", None),
        ("Error: kvm permission denied: /dev/kvm", BackendError, "kvm permission denied", "group"),
        ("Error: storage: No space left on device (os error 28)", BackendError, "No space left", "free some"),
        ("WARN later\nError: boot failed\nWARN last", BackendError, "boot failed", None),
        ("error: unexpected argument '--x' found", BackendError, "unexpected argument", None),
        ("Error: \x1b[31mred\x07", BackendError, r"refused: \[31mred$", None),
        ("", BackendError, "without a word", None),
    ],
)
def test_what_it_refuses_is_told_with_its_own_reason(
    tmp_path: Path, said: str, error: type[BottleError], told: str, hint: str | None
) -> None:
    smolvm = broken(tmp_path, f"cat >&2 <<'END'\n{said}\nEND\nexit 1")
    with pytest.raises(error, match=told) as failure:
        smolvm.create(WISH, bottles.never)
    assert hint is None or hint in (failure.value.hint or "")


def test_one_that_hangs_is_ended_when_the_launch_is_to_end(tmp_path: Path) -> None:
    smolvm = broken(tmp_path, f"echo $$ > {tmp_path}/number; exec sleep 60")
    with pytest.raises(BackendError, match="asked to end"):
        smolvm.create(WISH, lambda: _has_lines(tmp_path / "number"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "number").read_text()), 0)


def _has_lines(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


def test_input_that_nobody_takes_is_no_reason_to_hang(tmp_path: Path) -> None:
    """It ends with its first look at a tar that is larger than any pipe."""
    smolvm = broken(tmp_path, "exit 2")
    assert smolvm.pour("one", ["tar"], lambda: [bytes(1024**2)] * 4, bottles.never).status == 2


@pytest.mark.parametrize("step", ["create", "start", "exec"])
def test_a_launch_that_is_asked_to_end_within_a_step_leaves_nothing(
    data: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    started = Smolvm._started

    def noted(smolvm: Smolvm, arguments: Sequence[str]) -> Piped:
        seen.append(arguments[1] if len(arguments) > 1 else "")
        return started(smolvm, arguments)

    monkeypatch.setattr(Smolvm, "_started", noted)
    backend, plan = smolmachines.backend("tests:steps", data), bottles.a_plan(smolmachines.images_for_tests())
    with bottles.audit_directory() as audit, pytest.raises(BackendError, match="asked to end"):
        backend.launch(plan, bottles.a_cargo(), audit, FakeProgress(), lambda: step in seen)
    assert seen[-1] == "delete"
    assert left(backend) == []


def test_a_command_whose_smolvm_is_killed_has_no_status_and_ends(stage: Stage) -> None:
    """The program on this host alone: the machine lives, and so does the next command."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            stage.bottle.run(["sh", "-c", LIVES], timeout=60)
        except BackendError as error:
            failures.append(error)

    running = threading.Thread(target=run)
    running.start()
    assert stage.bottle.run(["sh", "-c", "until [ -e ~/begun ]; do sleep 0.05; done"], timeout=30).status == 0
    (program,) = [number for number in _children() if b"exec" in _line(number)]
    os.kill(program, signal.SIGKILL)
    running.join(30)
    assert "went away" in str(failures[0])
    assert stage.bottle.run(["sh", "-c", "until [ -e ~/ended ]; do sleep 0.05; done"], timeout=30).status == 0


def _children() -> list[int]:
    own = Path("/proc/self/task")
    return [int(child) for task in own.iterdir() for child in (task / "children").read_text().split()]


def _line(number: int) -> bytes:
    return Path(f"/proc/{number}/cmdline").read_bytes()

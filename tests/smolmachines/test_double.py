"""The double of `smolvm` is as awkward as the real one: what an adapter could stumble over is there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.smolmachines.conftest import Smolvm, program
from tests.support import smolmachines
from tests.support.requirements import require
from tests.support.smolvm import store

pytestmark = pytest.mark.skipif(smolmachines.is_real(), reason="this is about the double")


@pytest.fixture(scope="module")
def smolvm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smolvm]:
    """With a machine `one` that runs."""
    require("smolmachines")
    run = program(tmp_path_factory.mktemp("double"))
    box, _ = smolmachines.images_for_tests()
    image = smolmachines.archive_of(box)
    assert run("machine", "create", "--name", "one", "--image", str(image), "-e", "OPEN=said").status == 0
    assert run("machine", "start", "--name", "one").status == 0
    yield run
    run("machine", "delete", "-f", "--name", "one")


@pytest.mark.parametrize(
    ("version", "words", "status"),
    [
        ("1.0.1", ["create", "two"], 1),  # taken as a name; then there is no image
        ("1.0.2", ["create", "two"], 2),
        ("1.9.2", ["delete", "two"], 2),
        ("1.9.2", ["exec", "-n", "one", "--", "true"], 2),
        ("1.9.2", ["exec", "--name", "one"], 2),
        ("1.9.2", ["exec", "--name", "one", "-d", "-i", "--", "true"], 2),
        ("1.9.2", ["exec", "--name", "one", "--user", "root", "--", "true"], 2),
        ("1.6.3", ["create", "--name", "two", "--mount-socket", "/a:/b"], 2),
        ("1.7.9", ["create", "--name", "two", "--label", "a=b"], 2),
        ("1.9.2", ["create", "--name", "two", "--image", "debian:bookworm"], 1),
        ("1.9.2", ["create", "--name", "one", "--image", "/one.tar"], 1),
        ("1.9.2", ["start", "--name", "nobody"], 1),
        ("1.9.2", ["reboot", "--name", "one"], 2),
    ],
)
def test_words_are_taken_as_the_version_takes_them(
    smolvm: Smolvm, tmp_path: Path, version: str, words: list[str], status: int
) -> None:
    run = smolvm if version == "1.9.2" else program(tmp_path, SMOLVM_DOUBLE_VERSION=version)
    done = run("machine", *words)
    assert done.status == status, done.stderr
    assert done.stderr.startswith(b"error: " if status == 2 else b"Error: ")


def test_a_command_gives_its_status_and_nobody_else_does(smolvm: Smolvm) -> None:
    run = ("machine", "exec", "--name", "one")
    assert smolvm(*run, "--", "sh", "-c", "exit 3").status == 3
    assert smolvm(*run, "--", "sh", "-c", "kill -9 $$").status == 137
    assert smolvm(*run, "--", "cat", stdin=b"unheard").stdout == b""
    assert smolvm(*run, "-i", "--", "cat", stdin=b"heard").stdout == b"heard"
    assert smolvm(*run, "--timeout", "1s", "--", "sleep", "30").status == 124
    assert smolvm(*run, "--", "printenv", "OPEN").stdout == b"said\n"


def test_what_it_gathers_has_a_limit(smolvm: Smolvm) -> None:
    much = ("--", "head", "-c", str(12 * 1024**2), "/dev/zero")
    gathered = smolvm("machine", "exec", "--name", "one", *much)
    assert (gathered.status, gathered.stdout) == (1, b"")
    assert len(smolvm("machine", "exec", "--name", "one", "--stream", *much).stdout) == 12 * 1024**2


def test_only_regular_files_are_copied(smolvm: Smolvm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    refused = smolvm("machine", "cp", str(tmp_path), "one:/tmp/folder")
    assert (refused.status, b"Is a directory (os error 21)" in refused.stderr) == (1, True)
    assert smolvm("machine", "cp", str(tmp_path / "file"), "one:/srv/deep/file").status == 0
    shown = smolvm("machine", "exec", "--name", "one", "--", "stat", "-c", "%u:%g %s", "/srv/deep/file")
    assert shown.stdout == b"0:0 7\n"


def test_there_is_no_network_in_it(smolvm: Smolvm) -> None:
    shown = smolvm("machine", "exec", "--name", "one", "--", "cat", "/proc/net/dev").stdout
    assert [line.split(b":")[0].strip() for line in shown.splitlines() if b":" in line] == [b"lo"]


def test_listings_show_no_addresses_and_no_values(smolvm: Smolvm) -> None:
    (shown,) = json.loads(smolvm("machine", "ls", "--json").stdout)
    assert (shown["name"], shown["state"]) == ("one", "running")
    assert {"allowed_cidrs", "env"}.isdisjoint(shown)


def test_a_second_start_and_a_second_stop_are_no_failures(smolvm: Smolvm) -> None:
    said = [smolvm("machine", word, "--name", "one") for word in ("start", "stop", "stop")]
    assert [done.status for done in said] == [0, 0, 0]
    assert b"already running" in said[0].stdout
    assert smolvm("machine", "exec", "--name", "one", "--", "true").status == 1
    assert smolvm("machine", "start", "--name", "one").status == 0


def test_a_removal_that_is_not_forced_is_cancelled_and_called_a_success(data: Path) -> None:
    run = program(data)
    run("machine", "create", "--name", "two", "--image", "/two.tar")
    assert (done := run("machine", "delete", "--name", "two")).status == 0
    assert done.stdout == b"Cancelled\n"
    assert run("machine", "status", "--name", "two").status == 0
    assert run("machine", "delete", "-f", "--name", "two").status == 0
    assert run("machine", "status", "--name", "two").status == 1


def test_no_pack_is_made_of_a_local_image(data: Path) -> None:
    assert b"no registry" in program(data)("pack", "create", "-I", "/image.tar", "-o", "/tmp/packed").stderr
    assert b".smolmachine" in program(data)("pack", "create", "-I", "x", "-o", "/tmp/x.smolmachine").stderr


def test_a_recorded_secret_that_is_missing_fails_every_command(data: Path) -> None:
    run = program(data)
    run("machine", "create", "--name", "two", "--image", "/two.tar", "--secret-env", "A=NOBODY_SET_THIS")
    assert b"NOBODY_SET_THIS is not set" in run("machine", "start", "--name", "two").stderr
    run("machine", "delete", "-f", "--name", "two")


def test_values_of_the_environment_are_kept_in_the_database(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of variables that were only named."""
    monkeypatch.setenv("NAMED", "made-up-value")
    program(data)("machine", "create", "--name", "two", "--image", "/two.tar", "-e", "NAMED")
    monkeypatch.setenv("SMOLVM_DATA_DIR", str(data))
    assert b"made-up-value" in store.database().read_bytes() + _wal()


def _wal() -> bytes:
    path = store.database().with_name("smolvm.db-wal")
    return path.read_bytes() if path.exists() else b""

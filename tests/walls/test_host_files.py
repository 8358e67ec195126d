"""Of the host's files a box of namespaces sees the system's programs and what it was given, and changes none."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bottle.domain.provision import GUEST_HOME, HostTree
from tests.support import bottles, host_person
from tests.support.embedded import runtime_of
from tests.support.host_person import Person
from tests.walls.conftest import Box, launched_embedded

ABSENT = {"ENOENT", "ENOTDIR"}
REFUSED = {"EPERM", "EACCES", "EROFS"}
WRITABLE = {"/proc", "/dev/pts", "/dev/shm", "/tmp", GUEST_HOME}
DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}


def mounts(box: Box) -> dict[str, list[str]]:
    """The fields of /proc/self/mountinfo by mount point."""
    lines = (line.split() for line in box.shell("cat /proc/self/mountinfo").splitlines())
    return {fields[4]: fields for fields in lines}


def test_the_persons_files_are_there_to_be_found(person: Person) -> None:
    """The control: on the host, in the home and elsewhere, the secret can be read."""
    assert len(person.files) >= 3
    assert {file.read_text() for file in person.files} == {person.secret}
    assert all(file.stat().st_uid == host_person.NUMBER for file in person.files)


@pytest.mark.parametrize("root", ["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../..", "/proc/1/cwd", "/.."])
def test_no_file_of_the_persons_is_found_from_any_root(embedded: Box, person: Person, root: str) -> None:
    answers = embedded.tries(*(("read", f"{root}{file}") for file in person.files))
    assert set(answers) <= ABSENT | {"EACCES"}


def test_the_secret_stands_in_no_file_of_the_box(embedded: Box, person: Person) -> None:
    places = f"{embedded.own_places} /run /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
    halves = person.secret[:12], person.secret[12:]
    assert embedded.shell(f"grep -rsla '{halves[0]}''{halves[1]}' {places}") == ""


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh", "/etc/machine-id", "/root"]
)
def test_nothing_of_the_hosts_settings_and_people(embedded: Box, path: str) -> None:
    assert set(embedded.tries(("read", path), ("listed", path))) <= ABSENT


@pytest.mark.parametrize(
    "path", ["/boot", "/lost+found", "/media", "/mnt", "/root", "/srv", "/sys", "/work", "/old_root"]
)
def test_no_directory_beside_the_boxs_own(embedded: Box, path: str) -> None:
    assert embedded.tries(("listed", path))[0] in ABSENT


def test_the_home_and_the_runtime_directories_are_the_boxs_alone(embedded: Box) -> None:
    listed = embedded.tries(("listed", "/home"), ("listed", "/run"), ("listed", "/run/bottle"), ("listed", "/var"))
    assert listed == ["ok node", "ok bottle", listed[2], "ok lib run tmp"]
    assert set(listed[2].split()) <= {"ok", "lib", "python"}
    assert embedded.tries(("listed", str(runtime_of(embedded.bottle))))[0] in ABSENT


def test_only_memory_of_the_boxs_own_can_be_written(embedded: Box) -> None:
    found = mounts(embedded)
    writable = {path for path, fields in found.items() if "rw" in fields[5].split(",")}
    assert writable <= WRITABLE | DEVICES
    for path in writable - DEVICES:
        fields = found[path]
        assert fields[fields.index("-") + 1] in {"tmpfs", "proc", "devpts"}, path


def test_every_mount_is_without_setuid_and_only_dev_has_devices(embedded: Box) -> None:
    for path, fields in mounts(embedded).items():
        options = fields[5].split(",")
        assert "nosuid" in options, path
        assert "nodev" in options or path in DEVICES | {"/dev/pts"}, path


@pytest.mark.parametrize(
    "directory", ["/", "/usr", "/usr/bin", "/etc", "/dev", "/opt/bottle", "/run/bottle", "/var", "/home"]
)
def test_nothing_outside_the_boxs_own_places_can_be_written(embedded: Box, directory: str) -> None:
    assert embedded.tries(("write", f"{directory}/planted"))[0] in REFUSED


def test_a_directory_of_the_system_is_not_changed_by_any_call(embedded: Box) -> None:
    script = (
        "touch /usr/bin; chmod 777 /usr/bin; chown node /usr/bin; ln -s x /usr/bin/x; mkdir /usr/x; rm /usr/bin/sh;"
        "mv /usr/bin /usr/nib; truncate -s 0 /usr/bin/env; setfattr -n user.x -v y /usr/bin/env; : > /etc/passwd"
    )
    before = Path("/usr/bin").stat(), Path("/usr/bin/env").stat()
    said = embedded.shell(script)
    assert said.count("Read-only file system") + said.count("not found") >= 9, said
    assert (Path("/usr/bin").stat(), Path("/usr/bin/env").stat()) == before


def test_no_file_is_the_operators_or_roots_in_the_boxs_eyes(embedded: Box) -> None:
    """What it owns is what was made for it; all else belongs to nobody that it could become."""
    said = embedded.shell("find / -xdev -uid 0; find /usr /run/bottle/lib -xdev -uid 1000 -not -type d -not -type l")
    given = mounts(embedded)
    assert [line for line in said.splitlines() if line.startswith("/") and line not in given] == []


def test_a_link_to_a_file_outside_cannot_be_made(embedded: Box) -> None:
    assert embedded.tries(("new_link", "/usr/bin/env", f"{GUEST_HOME}/hard"))[0] in {"EXDEV", "EPERM"}


@pytest.fixture(scope="module")
def workspace(person: Person, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box with a copy of a workspace full of links to a secret beside it."""
    tree = tmp_path_factory.mktemp("workspace")
    secret = person.files[0]
    (tree / "absolute").symlink_to(secret)
    (tree / "relative").symlink_to(os.path.relpath(secret, tree))
    (tree / "folder").symlink_to(secret.parent, target_is_directory=True)
    (tree / "process").symlink_to("/proc/self/environ")
    (tree / "real").mkdir()
    (tree / "real/file").write_text("content")
    (tree / "hard").hardlink_to(tree / "real/file")
    os.mkfifo(tree / "pipe")
    plan = bottles.a_plan(bottles.PROGRAMS, trees=[HostTree(str(tree), f"{GUEST_HOME}/workspace")])
    with launched_embedded(plan, owner="workspace") as box:
        yield box
    assert (tree / "real/file").read_text() == "content"


@pytest.mark.parametrize("name", ["absolute", "relative", "folder/secret"])
def test_a_link_in_the_workspace_brings_no_content_in(workspace: Box, name: str) -> None:
    assert workspace.tries(("read", f"{GUEST_HOME}/workspace/{name}"))[0] in ABSENT


def test_a_link_in_the_workspace_stays_a_link_and_a_pipe_stays_out(workspace: Box, person: Person) -> None:
    assert workspace.tries(("linked", f"{GUEST_HOME}/workspace/absolute")) == [f"ok {person.files[0]}"]
    assert workspace.tries(("read", f"{GUEST_HOME}/workspace/pipe"))[0] in ABSENT
    assert workspace.tries(("read", f"{GUEST_HOME}/workspace/process"))[0].startswith("ok")


def test_the_workspace_is_a_copy(workspace: Box) -> None:
    """Also of a file with two names, which a box writes to without the host's changing (see the fixture's end)."""
    said = workspace.shell("cd workspace && echo changed > hard && echo changed > real/file && cat hard real/file")
    assert said.split() == ["changed", "changed"]


def test_paths_of_the_host_are_told_by_the_table_of_mounts_alone(embedded: Box) -> None:
    """What a mount table must show is the path of what was bound, on its own file system; no path of a secret's."""
    sources = {fields[3] for fields in mounts(embedded).values()}
    own = re.compile(r"/|/newroot|/(usr|etc|lib|bin|nix)/?.*|/(null|zero|full|random|urandom|tty)|/bindfile.*")
    programs = (str(Path(bottles.ROOT)), str(Path(os.__file__).resolve().parents[2]))
    assert [one for one in sources if not own.fullmatch(one) and not one.startswith(programs)] == []

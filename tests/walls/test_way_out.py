"""The way out is in a sandbox of its own: taken over, it reads nothing of the host's and writes its trail alone.

Attacks run as the way out: in its namespaces, under its number, without privilege. Its filter is tried elsewhere.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.embedded import processes_of, runtime_of
from tests.support.host_person import Person
from tests.support.requirements import require
from tests.walls.conftest import ATTACKS, Box

ABSENT = {"ENOENT", "ENOTDIR"}
REFUSED = {"EPERM", "EACCES", "EROFS", "ENOSYS"}
NUMBER = 65532


def tries(box: Box, *attacks: tuple[object, ...]) -> list[str]:
    """What became of each attack, made from where the way out stands."""
    require("nsenter")
    process = processes_of(box.bottle).way_out
    asked = json.dumps([[name, arguments] for name, *arguments in attacks])
    enter = ["nsenter", "-t", str(process), "-U", "-m", "-p", "-i", "-u", "-n", "-S", str(NUMBER), "-G", str(NUMBER)]
    dropped = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]
    done = subprocess.run(
        [*enter, *dropped, "python3", "-I", "-", asked], input=ATTACKS, capture_output=True, timeout=60, check=False
    )
    if done.stderr.startswith(b"nsenter: ") and os.getuid() != 0:
        pytest.skip(f"only root enters its namespaces: {done.stderr.decode()}")
    assert done.returncode == 0, done.stderr.decode()
    return [str(answer) for answer in json.loads(done.stdout)]


def test_it_reads_no_file_of_the_persons(embedded: Box, person: Person) -> None:
    roots = ("", "/proc/1/root", "/proc/self/root")
    answers = tries(embedded, *(("read", f"{root}{file}") for root in roots for file in person.files))
    assert set(answers) <= ABSENT | REFUSED


def test_it_sees_no_directory_of_the_hosts(embedded: Box) -> None:
    homes = ("/home", "/root", "/var", "/srv", "/mnt", "/opt", "/sys", str(Path.home()), sys.base_prefix)
    assert set(tries(embedded, *(("listed", path) for path in homes))) <= ABSENT
    assert set(tries(embedded, ("read", "/etc/shadow"), ("read", "/etc/passwd"), ("listed", "/etc/ssh"))) <= ABSENT
    assert tries(embedded, ("listed", str(runtime_of(embedded.bottle))))[0] in ABSENT


def test_it_writes_its_trail_and_scratch_and_nothing_else(embedded: Box) -> None:
    places = ("/", "/etc", "/usr", "/usr/local/bin", "/run/bottle/lib", "/dev", "/proc/sys/kernel")
    assert set(tries(embedded, *(("write", f"{place}/planted") for place in places))) <= REFUSED | ABSENT
    lines = Path(f"/proc/{processes_of(embedded.bottle).way_out}/mountinfo").read_text().splitlines()
    mounts = {fields[4]: fields for fields in (line.split() for line in lines)}
    writable = {path for path, fields in mounts.items() if "rw" in fields[5].split(",")}
    devices = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts", "shm")}
    assert writable - devices <= {"/proc", "/tmp", "/audit"}
    assert tries(embedded, ("write", "/audit/note"), ("write", "/tmp/note")) == ["ok written"] * 2


def test_it_sees_no_other_process_and_makes_no_namespace(embedded: Box, person: Person) -> None:
    numbers = {int(name) for name in tries(embedded, ("listed", "/proc"))[0].split() if name.isdecimal()}
    assert len(numbers) <= 4
    targets = {person.process, processes_of(embedded.bottle).keeper, processes_of(embedded.bottle).box} - numbers
    answers = tries(embedded, *((way, target) for target in targets for way in ("traced", "memory_of")))
    answers += tries(embedded, *(("descriptor_of", target, 0) for target in targets))
    assert set(answers) <= {"ESRCH", "EPERM", "EACCES"}
    assert set(tries(embedded, ("call", "unshare", 0x10000000), ("cloned", 0x10000000))) <= {"EPERM", "ENOSPC"}


def test_it_finds_no_socket_of_the_hosts_by_path(embedded: Box) -> None:
    paths = (
        "/run/docker.sock",
        "/run/dbus/system_bus_socket",
        "/run/nscd/socket",
        "/run/systemd/resolve/io.systemd.Resolve",
    )
    sockets = [*paths, *(str(runtime_of(embedded.bottle) / name) for name in ("control", "box"))]
    assert set(tries(embedded, *(("unix", path) for path in sockets))) <= ABSENT

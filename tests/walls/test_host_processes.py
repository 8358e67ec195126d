"""Of the host's processes a box of namespaces sees none, and its own first process is a closed book."""

import os
import signal
from pathlib import Path

import pytest

from tests.support import host_person
from tests.support.embedded import NAMESPACES, as_root, namespace, processes_of, runtime_of
from tests.support.host_person import Person
from tests.walls.conftest import Box

GONE = {"ESRCH", "ENOENT"}
REFUSED = {"EPERM", "EACCES", "ENOSYS"}


def host_status(process: int) -> dict[str, str]:
    lines = (line.partition(":") for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return {key: value.strip() for key, _, value in lines}


def test_no_process_of_a_bottle_is_roots(embedded: Box) -> None:
    """Not the box alone: the keeper and the way out too, whoever started them."""
    for process in processes_of(embedded.bottle).all:
        status = host_status(process)
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(host_person.NUMBER)}
        assert host_person.NUMBER != 0
        assert status["CapEff"].strip("0") == "" or process in processes_of(embedded.bottle).monitors


def test_the_first_processes_hold_no_capability_of_the_hosts(embedded: Box) -> None:
    found = processes_of(embedded.bottle)
    for process in (found.box, found.way_out):
        status = host_status(process)
        assert {status[f"Cap{kind}"].strip("0") for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {""}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert status["Groups"] == "" or os.getuid() != 0


@pytest.mark.parametrize("kind", NAMESPACES)
def test_each_namespace_is_the_boxs_own(embedded: Box, another: Box, kind: str) -> None:
    one, other = processes_of(embedded.bottle), processes_of(another.bottle)
    found = [namespace(process, kind) for process in (one.box, other.box, one.way_out, os.getpid())]
    assert len({*found}) == (3 if kind == "net" else 4), "the way out shares the host's network and nothing else"
    if kind == "net":
        assert found[2] == found[3]


def test_only_numbers_of_the_boxs_own_are_seen(embedded: Box) -> None:
    numbers = [int(name) for name in embedded.shell("ls /proc").split() if name.isdecimal()]
    assert 1 in numbers
    assert len(numbers) <= 4, "the first process, the shell and what it runs"


def test_no_process_of_the_hosts_can_be_sent_a_signal_traced_or_read(embedded: Box, person: Person) -> None:
    targets = (person.process, os.getpid(), *processes_of(embedded.bottle).all)
    visible = {int(name) for name in embedded.shell("ls /proc").split() if name.isdecimal()}
    for target in set(targets) - visible:
        attacks = [("signalled", target, 0), ("traced", target), ("memory_of", target), ("descriptor_of", target, 0)]
        answers = embedded.tries(*attacks, ("read", f"/proc/{target}/environ"), ("listed", f"/proc/{target}/root"))
        assert set(answers) <= GONE | REFUSED, target
        assert answers[0] == "ESRCH"


def test_a_signal_to_everybody_reaches_the_box_alone(embedded: Box, person: Person) -> None:
    embedded.bottle.run(["sh", "-c", "sleep 60 & kill -9 -1"])
    assert "sleep" not in embedded.shell("cat /proc/[0-9]*/comm")
    assert Path(f"/proc/{person.process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    assert all(Path(f"/proc/{process}").exists() for process in processes_of(embedded.bottle).all)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV, signal.SIGHUP])
def test_the_first_process_cannot_be_ended_or_stopped_from_inside(embedded: Box, number: int) -> None:
    embedded.tries(("signalled", 1, int(number)))
    assert embedded.shell("echo on") == "on\n"


def test_the_first_process_cannot_be_looked_into(embedded: Box) -> None:
    """What it holds are the sockets on which the host's orders come."""
    files = ("environ", "mem", "maps", "auxv", "syscall", "stack", "io", "fdinfo/0")
    answers = embedded.tries(
        *(("read", f"/proc/1/{name}") for name in files),
        *(("listed", f"/proc/1/{name}") for name in ("fd", "fdinfo", "map_files", "root", "cwd", "task/1/fd")),
        *(("linked", f"/proc/1/{name}") for name in ("root", "cwd", "exe", "ns/net", "fd/0")),
        *(("write", f"/proc/1/{name}") for name in ("mem", "oom_score_adj", "comm", "uid_map", "clear_refs")),
        *(("traced", 1), ("memory_of", 1)),
        *(("descriptor_of", 1, number) for number in range(3, 20)),
    )
    assert set(answers) <= REFUSED


def test_the_first_process_has_no_environment_worth_reading(embedded: Box) -> None:
    as_root()
    content = Path(f"/proc/{processes_of(embedded.bottle).box}/environ").read_bytes()
    assert {line.partition(b"=")[0] for line in content.split(b"\0") if line} <= {b"PWD", b"LD_LIBRARY_PATH"}


def test_a_command_inherits_three_streams_and_nothing_else(embedded: Box) -> None:
    """Looked at by a child of the shell's, while the shell waits for it."""
    done = embedded.bottle.run(["sh", "-c", "ls -l /proc/$$/fd; true"])
    found = {line.split()[-3]: line.split()[-1] for line in done.stdout.decode().splitlines() if "->" in line}
    assert set(found) == {"0", "1", "2"}
    assert all(target.startswith("pipe:") for target in found.values())


def test_what_a_bottles_processes_hold_open_is_what_they_were_given(embedded: Box) -> None:
    """No directory of the host's, through which a way out of the mounts would lead."""
    as_root()
    found = processes_of(embedded.bottle)
    for process in (found.box, found.way_out):
        for path in Path(f"/proc/{process}/fd").iterdir():
            target = str(path.readlink())
            assert target.startswith(("pipe:", "socket:", "anon_inode:", "/dev/null", "/audit/")), target


def test_the_keeper_is_a_closed_book_to_its_own_user(embedded: Box) -> None:
    """What is not dumpable belongs to root in /proc, so nobody but root reads its memory or leaves a core of it."""
    keeper = processes_of(embedded.bottle).keeper
    assert Path(f"/proc/{keeper}/environ").stat().st_uid == 0


def test_the_keepers_sockets_are_its_users_alone_and_not_in_the_box(embedded: Box) -> None:
    directory = runtime_of(embedded.bottle)
    assert directory.stat().st_mode & 0o077 == 0
    assert set(embedded.tries(*(("unix", str(directory / name)) for name in ("control", "box")))) == {"ENOENT"}

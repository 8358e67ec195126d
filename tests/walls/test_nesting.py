"""From inside a box of namespaces there is no other set of namespaces, no mount, no device, no privilege to be had."""

import resource
from pathlib import Path

import pytest

from bottle.domain.errors import BackendError
from bottle.domain.provision import GUEST_HOME
from tests.support.embedded import processes_of
from tests.walls.conftest import Box

REFUSED = {"EPERM", "EACCES", "EROFS", "ENOSYS"}
NAMESPACES = {
    "time": 0x80,
    "mount": 0x20000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
# Numbers of system calls on x86-64 that the C library has no name for.
OPEN_TREE, MOVE_MOUNT, FSOPEN, FSMOUNT, FSPICK, MOUNT_SETATTR, STATMOUNT = 428, 429, 430, 432, 433, 442, 457
IO_URING_SETUP, SECCOMP_ON_X32, PIDFD_GETFD = 425, 0x40000000 + 41, 438
AT_FDCWD, OPEN_TREE_CLONE = -100, 1
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_MOVE = 32, 4096, 16384, 1 << 18, 8192


@pytest.mark.parametrize("kind", list(NAMESPACES))
def test_no_namespace_is_made_by_any_call(embedded: Box, kind: str) -> None:
    flag, user = NAMESPACES[kind], NAMESPACES["user"]
    ways = [("call", "unshare", flag), ("call", "unshare", flag | user), ("cloned3", flag), ("cloned3", flag | user)]
    if kind != "time":  # clone(2) has no flag for it: there the bit is part of a signal's number
        ways += [("cloned", flag), ("cloned", flag | user)]
    assert set(embedded.tries(*ways)) <= REFUSED


def test_the_same_calls_without_namespaces_are_to_be_had(embedded: Box) -> None:
    """The control: it is the namespaces that are refused."""
    assert embedded.tries(("cloned", 0), ("call", "unshare", 0x200)) == ["ok cloned", "ok 0"]


@pytest.mark.parametrize(
    "program",
    [
        "unshare -Ur true",
        "unshare -Urm true",
        "unshare -Urpf --mount-proc true",
        "bwrap --unshare-all --ro-bind / / true",
        "bwrap --dev-bind / / true",
        "nsenter -t 1 -a true",
        "setpriv --reuid 0 true",
        "chroot / true",
        "newuidmap $$ 0 0 1",
    ],
)
def test_no_program_of_the_hosts_makes_a_box_in_the_box(embedded: Box, program: str) -> None:
    assert embedded.shell(f"{program} && echo got''through").count("gotthrough") == 0


@pytest.mark.parametrize("kind", ["mnt", "user", "pid", "net"])
def test_no_namespace_is_entered(embedded: Box, kind: str) -> None:
    assert set(embedded.tries(("entered", f"/proc/1/ns/{kind}"), ("entered", f"/proc/self/ns/{kind}"))) <= REFUSED


@pytest.mark.parametrize(
    "attack",
    [
        ("call", "mount", "none", "/usr", 0, MS_REMOUNT | MS_BIND, 0),
        ("call", "mount", "none", "/", 0, MS_REMOUNT, 0),
        ("call", "mount", "/usr", "/tmp", 0, MS_BIND | MS_REC, 0),
        ("call", "mount", "none", "/", 0, MS_REC | MS_PRIVATE, 0),
        ("call", "mount", "/proc", "/tmp", 0, MS_MOVE, 0),
        ("call", "mount", "proc", "/tmp", "proc", 0, 0),
        ("call", "mount", "sysfs", "/tmp", "sysfs", 0, 0),
        ("call", "mount", "tmpfs", "/tmp", "tmpfs", 0, 0),
        ("call", "umount2", "/proc", 2),
        ("call", "umount2", "/proc/keys", 2),
        ("call", "umount2", "/usr", 2),
        ("call", "umount2", "/", 2),
        ("call", "pivot_root", ".", "."),
        ("call", "chroot", "/proc/1/root"),
        ("syscall", OPEN_TREE, AT_FDCWD, "/", OPEN_TREE_CLONE),
        ("syscall", MOVE_MOUNT, AT_FDCWD, "/usr", AT_FDCWD, "/tmp", 0),
        ("syscall", FSOPEN, "tmpfs", 0),
        ("syscall", FSMOUNT, 0, 0, 0),
        ("syscall", FSPICK, AT_FDCWD, "/", 0),
        ("syscall", MOUNT_SETATTR, AT_FDCWD, "/", 0, 0, 0),
        ("syscall", STATMOUNT, 0, 0, 0, 0),
        ("syscall", IO_URING_SETUP, 8, 0),
        ("syscall", SECCOMP_ON_X32, 1, 1, 0),
        ("syscall", PIDFD_GETFD, 0, 0, 0),
        ("shocker", "/usr"),
        ("shocker", "/tmp"),
    ],
    ids=lambda attack: " ".join(str(part) for part in attack[:4]),
)
def test_no_mount_is_made_changed_or_taken_away(embedded: Box, attack: tuple[object, ...]) -> None:
    assert embedded.tries(attack)[0] in REFUSED


@pytest.mark.parametrize("device", ["0x0800", "0xfe00", "0x0101", "0x0102", "0x0afd", "0x0a3e", "0x0500"])
def test_no_device_is_made(embedded: Box, device: str) -> None:
    """Disks, /dev/mem, /dev/kmem, vsock, userfaultfd and the console: in every place that can be written to."""
    places = [f"{place}/device" for place in ("/tmp", "/dev/shm", GUEST_HOME, "/dev")]
    calls = [("call", "mknod", place, kind, int(device, 16)) for place in places for kind in (0o60666, 0o20666)]
    assert set(embedded.tries(*calls)) <= REFUSED


def test_a_setuid_program_gains_nothing(embedded: Box) -> None:
    """Neither one of the host's, nor one that the agent makes."""
    script = "cp /usr/bin/id /tmp/id; chmod 6755 /tmp/id; /tmp/id -u; stat -c %u /tmp/id; rm -f /tmp/id"
    assert embedded.shell(script).split() == ["1000", "1000"]
    for program in ("su -c id", "sudo -n id", "pkexec id", "mount -t tmpfs none /tmp", "newgrp root"):
        assert "uid=0" not in embedded.shell(f"{program} </dev/null")


def test_no_other_user_can_be_become(embedded: Box) -> None:
    attacks: list[tuple[object, ...]]
    attacks = [("call", name, number) for name in ("setuid", "setgid") for number in (0, 65534, 11564830, 2)]
    attacks += [("call", "setresuid", 0, 0, 0), ("call", "setgroups", 0, 0)]
    assert set(embedded.tries(*attacks)) <= {"EPERM", "EINVAL"}
    written = embedded.tries(
        ("write", "/proc/self/uid_map"), ("write", "/proc/self/gid_map"), ("write", "/proc/self/setgroups")
    )
    assert set(written) <= REFUSED


def test_root_cannot_be_ordered_from_outside_either(embedded: Box) -> None:
    with pytest.raises(BackendError, match="no user 'root'"):
        embedded.bottle.run(["id"], user="root")


def test_settings_that_can_be_written_are_the_boxs_own(embedded: Box) -> None:
    """Those of its own message queues, say. Nothing that is written there changes the host's."""
    listed = embedded.shell("find /proc/sys -type f -writable").split()
    paths = [path for path in listed if path.startswith("/proc/sys/")]
    assert {Path(path).parts[3] for path in paths} <= {"kernel", "fs"}
    otherwise = [path for path in paths if Path(path).read_text() != "1\n"]
    assert len(otherwise) > len(paths) / 2
    embedded.tries(*(("write", path) for path in otherwise))
    assert [path for path in otherwise if Path(path).read_text() == "1\n"] == []


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches"]
)
def test_the_kernels_own_settings_cannot_be_written_by_anybody_in_the_box(embedded: Box, path: str) -> None:
    assert embedded.tries(("write", path))[0] in REFUSED | {"ENOENT"}


def test_no_core_of_a_program_is_written(embedded: Box) -> None:
    limits = Path(f"/proc/{processes_of(embedded.bottle).box}/limits").read_text().splitlines()
    # One byte keeps the host's handlers away as well (core(5)); nobody may raise a limit of none.
    most = "0" if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else "1"
    assert next(line for line in limits if line.startswith("Max core")).split()[4:6] == [most, most]
    assert "ermitted" in embedded.shell("ulimit -c unlimited")

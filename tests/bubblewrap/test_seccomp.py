"""The system call filters: read by an interpreter of our own for both machines, and put on by the real kernel."""

import json
import platform
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bottle.adapters.bubblewrap.seccomp import box_filter, sidecar_filter
from bottle.adapters.bubblewrap.syscalls import system_calls
from bottle.domain.errors import BackendError
from tests.egress import harness
from tests.support.bare_box import BareBox
from tests.support.cbpf import AARCH64, ARCHITECTURES, ARM, I386, X86_64, verdict
from tests.support.requirements import require

MACHINES = ["x86_64", "aarch64"]
SUPPORT = Path(__file__).parents[1] / "support"
HIGH = 0x5A5A5A5A << 32

# What Docker's default profile refuses to a container without capabilities, as far as a filter alone can.
REFUSED_BY_DOCKER = """
    acct add_key bpf chroot clock_settime create_module delete_module fanotify_init finit_module fsconfig fsmount
    fsopen fspick get_kernel_syms get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup ioperm
    iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr move_mount move_pages
    nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_madvise query_module
    quotactl quotactl_fd reboot request_key set_mempolicy setdomainname sethostname setns settimeofday swapoff
    swapon sysfs syslog umount2 userfaultfd uselib ustat vhangup
"""
REFUSED_TOO = """
    open_tree_attr adjtimex clock_adjtime modify_ldt migrate_pages set_mempolicy_home_node
"""

NEEDED = """
    read write openat close mmap mprotect futex clone execve execveat wait4 ptrace process_vm_readv seccomp
    landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal memfd_create inotify_init1 mknodat
    shmget mq_open sendfile copy_file_range openat2 close_range rseq setxattr name_to_handle_at statx io_setup prctl
    setsid kill getrandom epoll_pwait2 faccessat2 flock splice mlock membarrier pkey_alloc
"""

NAMESPACES = {
    "NEWNS": 0x20000,
    "NEWCGROUP": 0x02000000,
    "NEWUTS": 0x04000000,
    "NEWIPC": 0x08000000,
    "NEWUSER": 0x10000000,
    "NEWPID": 0x20000000,
    "NEWNET": 0x40000000,
}
THREAD = 0x3D0F00  # what glibc's pthread_create asks for
SIGCHLD = 17

# name, arguments, verdict: the same on both machines
BY_ARGUMENT: list[tuple[str, tuple[int, ...], str]] = [
    ("clone", (THREAD,), "allow"),
    ("clone", (0x01200000 | SIGCHLD,), "allow"),  # fork
    *(("clone", (flag | SIGCHLD,), "EPERM") for flag in NAMESPACES.values()),
    ("clone", (HIGH | NAMESPACES["NEWUSER"],), "EPERM"),
    *(("unshare", (flag,), "EPERM") for flag in NAMESPACES.values()),
    ("unshare", (0x80,), "EPERM"),  # CLONE_NEWTIME
    ("unshare", (0,), "allow"),
    ("unshare", (0x200 | 0x400 | 0x40000,), "allow"),  # CLONE_FS, FILES, SYSVSEM
    ("unshare", (0x200 | 1 << 40,), "EPERM"),
    ("ioctl", (0, 0x5401), "allow"),  # TCGETS
    ("ioctl", (0, 0x540E), "allow"),  # TIOCSCTTY: tmux
    *(("ioctl", (0, high | request), "EPERM") for request in (0x5412, 0x541C, 0x5423) for high in (0, HIGH)),
    *(("personality", (value,), "allow") for value in (0, 0xFFFFFFFF, 0x40000, 0x20000, 8)),
    *(("personality", (value,), "EPERM") for value in (0x400000, 0x440000, 0x0100000, 4)),
    *(("socket", (1, kind), "allow") for kind in (1, 2, 5, 0x80801)),
    *(("socket", (family, kind, 0), "allow") for family in (2, 10) for kind in (1, 2, 0x80801)),
    *(("socket", (2, kind, protocol), "allow") for kind, protocol in ((1, 6), (2, 17), (2, 1))),
    *(("socket", (2, kind, 0), "ESOCKTNOSUPPORT") for kind in (4, 5, 6, 10)),  # 10: AF_PACKET by its old name
    *(("socket", (family, 3, protocol), "EPERM") for family in (2, 10) for protocol in (1, 255)),
    *(("socket", (2, 1, protocol), "EPROTONOSUPPORT") for protocol in (33, 132, 262)),  # DCCP, SCTP, MPTCP
    ("socket", (16, 3, 0), "allow"),
    *(("socket", (16, 3, protocol), "EPROTONOSUPPORT") for protocol in (4, 6, 9, 12, 15, 16)),
    *(("socket", (family, 1, 0), "EAFNOSUPPORT") for family in range(64) if family not in (1, 2, 10, 16)),
    ("socket", (HIGH | 40, 1, 0), "EAFNOSUPPORT"),
    ("socket", (HIGH | 2, HIGH | 1, HIGH), "allow"),
    ("socketpair", (1, 1), "allow"),
    ("socketpair", (30, 1), "EAFNOSUPPORT"),  # TIPC
]


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused_calls(machine: str) -> list[str]:
    """Those of the lists above that this machine has."""
    return [name for name in f"{REFUSED_BY_DOCKER} {REFUSED_TOO}".split() if name in system_calls(machine)]


def judged(machine: str, name: str, *arguments: int) -> str:
    return verdict(box_filter(machine), ARCHITECTURES[machine], system_calls(machine)[name], arguments)


def test_what_a_container_may_not_a_box_may_not(machine: str) -> None:
    names = refused_calls(machine)
    assert {name: judged(machine, name) for name in names} == dict.fromkeys(names, "EPERM")
    assert len(names) > 50


def test_what_tools_need_passes(machine: str) -> None:
    names = NEEDED.split()
    assert {name: judged(machine, name) for name in names} == dict.fromkeys(names, "allow")


@pytest.mark.parametrize("name", ["clone3", "statmount", "listmount"])
def test_calls_with_an_older_form_do_not_exist(machine: str, name: str) -> None:
    assert judged(machine, name) == "ENOSYS"


@pytest.mark.parametrize(("name", "arguments", "expected"), BY_ARGUMENT)
def test_the_arguments_decide(machine: str, name: str, arguments: tuple[int, ...], expected: str) -> None:
    assert judged(machine, name, *arguments) == expected


def test_a_number_that_nobody_has_does_not_exist(machine: str) -> None:
    numbers = set(range(2048)) - set(system_calls(machine).values())
    for make in (box_filter, sidecar_filter):
        program = make(machine)
        assert {verdict(program, ARCHITECTURES[machine], number) for number in (*numbers, -1)} == {"ENOSYS"}


def test_x32_does_not_exist() -> None:
    program = box_filter("x86_64")
    assert {verdict(program, X86_64, 0x40000000 | number) for number in range(600)} == {"ENOSYS"}


@pytest.mark.parametrize("foreign", [I386, ARM, 0x80000016])
def test_another_architecture_ends_the_process(machine: str, foreign: int) -> None:
    other = AARCH64 if machine == "x86_64" else X86_64
    for program in (box_filter(machine), sidecar_filter(machine)):
        assert {verdict(program, arch, number) for arch in (foreign, other) for number in range(500)} == {"kill"}


@given(
    machine=st.sampled_from(MACHINES),
    sidecar=st.booleans(),
    architecture=st.one_of(st.sampled_from([X86_64, AARCH64]), st.integers(0, 2**32 - 1)),
    number=st.one_of(st.integers(0, 600), st.integers(0, 2**32 - 1)),
    arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6),
)
def test_every_call_gets_a_verdict(
    machine: str, sidecar: bool, architecture: int, number: int, arguments: list[int]
) -> None:
    program = sidecar_filter(machine) if sidecar else box_filter(machine)
    said = verdict(program, architecture, number, arguments)
    if architecture != ARCHITECTURES[machine]:
        assert said == "kill"
    elif number not in system_calls(machine).values():
        assert said == "ENOSYS"
    else:
        assert said != "kill"


@given(
    machine=st.sampled_from(MACHINES),
    name=st.sampled_from(["ioctl", "socket", "socketpair", "clone", "personality"]),
    arguments=st.lists(st.one_of(st.integers(0, 64), st.integers(0, 2**32 - 1)), min_size=6, max_size=6),
    above=st.lists(st.integers(0, 2**32 - 1), min_size=6, max_size=6),
)
def test_rubbish_that_the_kernel_cuts_off_changes_no_verdict(
    machine: str, name: str, arguments: list[int], above: list[int]
) -> None:
    """The arguments are ints in the kernel: CVE-2019-10063 was a comparison of all 64 bits."""
    dirty = [high << 32 | low for high, low in zip(above, arguments, strict=True)]
    assert judged(machine, name, *dirty) == judged(machine, name, *arguments)


def test_the_sidecar_may_much_less(machine: str) -> None:
    calls = system_calls(machine)
    box, sidecar = box_filter(machine), sidecar_filter(machine)
    architecture = ARCHITECTURES[machine]
    allowed = {name for name, number in calls.items() if verdict(sidecar, architecture, number, (THREAD,)) == "allow"}
    assert not {name for name in allowed if verdict(box, architecture, calls[name], (THREAD,)) not in ("allow", "")}
    assert len(allowed) < len(calls) / 2
    assert not allowed & {"ptrace", "process_vm_readv", "kill", "fork", "vfork", "execveat", "seccomp", "mknodat"}


@pytest.mark.parametrize(
    ("flags", "expected"), [(THREAD, "allow"), (SIGCHLD, "EPERM"), (THREAD | NAMESPACES["NEWNET"], "EPERM")]
)
def test_the_sidecar_starts_threads_and_no_process(machine: str, flags: int, expected: str) -> None:
    number = system_calls(machine)["clone"]
    assert verdict(sidecar_filter(machine), ARCHITECTURES[machine], number, (flags,)) == expected


@pytest.mark.parametrize("make", [box_filter, sidecar_filter])
@pytest.mark.parametrize("unknown", ["riscv64", "i686", "armv7l", ""])
def test_a_machine_without_a_table_is_refused(make: Any, unknown: str) -> None:
    with pytest.raises(BackendError, match="no system call filter for") as caught:
        make(unknown)
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    if not Path(header).is_file():
        pytest.skip(f"needs {header}")
    text = Path(header).read_text()
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", text)}
    calls = system_calls(machine)
    known = found.keys() & calls.keys()
    assert {name: found[name] for name in known} == {name: calls[name] for name in known}
    assert len(known) > 280
    if machine == "x86_64":  # asm-generic names some calls as 32-bit machines do
        assert {name for name, number in found.items() if number <= max(calls.values())} <= calls.keys()


# From here on: the real kernel.


@pytest.fixture
def own_machine() -> str:
    require("bubblewrap")
    if platform.machine() not in MACHINES:
        pytest.skip(f"needs one of {MACHINES}")
    return platform.machine()


def made(box: BareBox, calls: list[list[Any]]) -> list[str]:
    """What became of the calls, made by number inside a box."""
    seen = BareBox(seccomp=box.seccomp, binds=((SUPPORT / "raw_calls.py", "/tmp/raw_calls.py"),))
    done = seen.run("/usr/bin/python3", "-I", "/tmp/raw_calls.py", json.dumps(calls))
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def test_the_kernel_refuses_what_the_interpreter_says(own_machine: str) -> None:
    """Without the filter most of these fail otherwise, or succeed; with it each gets the filter's answer."""
    calls = system_calls(own_machine)
    names = refused_calls(own_machine)
    attempts = [[calls[name], 0, 0, 0, 0, 0, 0] for name in names]
    assert made(BareBox(seccomp=box_filter(own_machine)), attempts) == ["EPERM"] * len(names)
    open_doors = [name for name, said in zip(names, made(BareBox(), attempts), strict=True) if said != "EPERM"]
    assert {"io_uring_setup", "keyctl", "perf_event_open", "setns"} <= set(open_doors)


def test_the_kernel_judges_by_arguments_too(own_machine: str) -> None:
    calls = system_calls(own_machine)
    table = [case for case in BY_ARGUMENT if case[2] != "allow"]
    attempts = [[calls[name], *arguments] for name, arguments, _ in table]
    assert made(BareBox(seccomp=box_filter(own_machine)), attempts) == [expected for *_, expected in table]


def test_newer_and_foreign_calls_do_not_exist_for_a_real_program(own_machine: str) -> None:
    calls = [[system_calls(own_machine)["clone3"], 0, 0], [460_000], [0x40000000 | 39]]
    assert made(BareBox(seccomp=box_filter(own_machine)), calls) == ["ENOSYS"] * 3


def test_the_i386_entry_is_shut(own_machine: str) -> None:
    if own_machine != "x86_64":
        pytest.skip("int 0x80 is x86's")
    getpid = ["b814000000cd80c3"]  # mov eax, 20; int 0x80; ret
    if made(BareBox(), [getpid]) != [""]:
        pytest.skip("this kernel has no i386 entry at all")
    assert made(BareBox(seccomp=box_filter(own_machine)), [getpid]) == ["SIGSYS"]


MULTIPROCESSING = "from multiprocessing import Pool\nwith Pool(2) as pool: print(sum(pool.map(abs, range(100))))"
THREADS = (
    "import threading as t\nw=[t.Thread(target=int) for _ in range(8)]\n[x.start() for x in w]\n[x.join() for x in w]"
)
NETWORK = """
import socket, os, asyncio
async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    await asyncio.open_connection(*server.sockets[0].getsockname())
asyncio.run(main()); socket.socketpair(); print(socket.if_nameindex(), os.getloadavg())
"""
GIT = """git init -q a && cd a && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x &&
git clone -q . ../b && git -C ../b log --oneline && git gc -q"""
TMUX = "tmux -f /dev/null new-session -d -s x 'sleep 60' && tmux list-sessions && tmux kill-server"
CC = "echo 'int main(void){return 7;}' > a.c && gcc a.c -o a && ./a; test $? = 7"
GDB = "gdb -nx -batch -ex 'break main' -ex run -ex bt -ex continue ./a"
NODE = "const {Worker}=require('worker_threads');new Worker('1',{eval:true}).on('exit',c=>process.exit(c));"

JAVA = (
    """echo 'class M { public static void main(String[] a) { System.out.print(a.length); } }' > M.java && java M.java"""
)

WORKS = {
    "threads": ("python3", ["python3", "-c", THREADS]),
    "multiprocessing": ("python3", ["python3", "-c", MULTIPROCESSING]),
    "sockets": ("python3", ["python3", "-c", NETWORK]),
    "git": ("git", ["sh", "-c", GIT]),
    "tmux": ("tmux", ["sh", "-c", TMUX]),
    "gcc": ("gcc", ["sh", "-c", CC]),
    "gdb": ("gdb", ["sh", "-c", f"{CC} && {GDB}"]),
    "strace": ("strace", ["strace", "-f", "-o", "/dev/null", "sh", "-c", "true"]),
    "node": ("node", ["node", "-e", NODE]),
    "npm": ("npm", ["npm", "--version"]),
    "go": ("go", ["sh", "-c", "go version && go env GOPATH"]),
    "java": ("java", ["sh", "-c", JAVA]),
}


@pytest.mark.parametrize("what", WORKS)
def test_tools_work_under_the_filter(own_machine: str, what: str) -> None:
    program, argv = WORKS[what]
    require(program)
    done = BareBox(seccomp=box_filter(own_machine)).run(*argv)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not permitted" not in done.stderr


def test_the_real_sidecar_serves_under_its_filter(
    own_machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start, one request through TLS to an origin and back, an orderly end."""
    filtered, program = tmp_path / "filter", tmp_path / "python"
    filtered.write_bytes(sidecar_filter(own_machine))
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {SUPPORT}/filtered.py {filtered} {sys.executable} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    world, bottle = harness.TestCa("world"), harness.TestCa("bottle")
    origin = harness.Origin(tls=world.issue("api.example.com"))
    sidecar = harness.Sidecar(tmp_path / "sidecar", bottle, world.pem)
    try:
        assert sidecar.start([harness.route("api.example.com", origin)])["event"] == "ready"
        status = Path(f"/proc/{sidecar.process.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
        assert harness.curl(sidecar, "https://api.example.com/").stdout == b"hello"
    finally:
        ended = sidecar.stop()
        origin.close()
    assert ended == 0

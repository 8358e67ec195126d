"""Which system calls a box may make, as programs for `bwrap --seccomp`.

The namespaces hold what they hold; the filter keeps the parts of the kernel shut that they do not hold, or that have
been the way out of them. A call passes when its name is in the table of this machine and is not refused here, so one
that a later kernel adds is closed until somebody has looked at it. Refusals are errors, never the end of the program:
agents and tools try things, and the same errors are what they meet in a container.
"""

from collections.abc import Mapping
from errno import EAFNOSUPPORT, ENOSYS, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT

from bottle.adapters.bubblewrap.bpf import (
    ALLOW,
    ARCHITECTURE,
    KILL,
    NUMBER,
    Piece,
    any_bit,
    by_range,
    equal,
    high,
    look_at,
    low,
    one_of,
    refuse,
)
from bottle.adapters.bubblewrap.syscalls import system_calls

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_NOT_PERMITTED = refuse(EPERM)
_ABSENT = refuse(ENOSYS)

REFUSED = {
    "mounts": """mount umount2 pivot_root chroot open_tree open_tree_attr move_mount mount_setattr fsopen fsconfig
        fsmount fspick quotactl quotactl_fd acct swapon swapoff""",
    "namespaces": "setns sethostname setdomainname",
    # Not held by any namespace: the keys of the person whose user id the box runs under.
    "keyrings": "add_key request_key keyctl",
    # A file handle is opened without a path, so no mount namespace stands in the way (the "shocker" attack).
    "files without a path": "open_by_handle_at",
    "other processes' memory and descriptors": "pidfd_getfd kcmp process_madvise lsm_set_self_attr",
    # Parts of the kernel with a long row of local exploits behind them, which no tool of a developer's needs.
    "attack surface": "bpf perf_event_open userfaultfd fanotify_init fanotify_mark modify_ldt uselib",
    # What goes through a ring is never seen by this filter: a ring opens sockets of every family.
    "rings": "io_uring_setup io_uring_enter io_uring_register",
    "the machine": """reboot kexec_load kexec_file_load create_module init_module finit_module delete_module
        get_kernel_syms query_module iopl ioperm syslog vhangup settimeofday clock_settime adjtimex clock_adjtime
        lookup_dcookie nfsservctl sysfs ustat _sysctl vserver""",
    "memory policy": """mbind get_mempolicy set_mempolicy set_mempolicy_home_node migrate_pages move_pages""",
}
"""EPERM. What Docker's profile keeps for capabilities that a box never has, and a little more."""

PRETENDED_ABSENT = """clone3 statmount listmount"""
"""ENOSYS, on which their callers use the older call. clone3's flags are behind a pointer, where no filter can look."""

_SIDECAR = {
    "memory": "mmap mprotect munmap mremap madvise brk mincore memfd_create",
    "files": """read write readv writev pread64 pwrite64 open openat close close_range stat fstat lstat newfstatat statx
        lseek access faccessat faccessat2 readlink readlinkat getcwd chdir getdents getdents64 fcntl ioctl dup dup2 dup3
        pipe pipe2 fsync fdatasync flock rename renameat renameat2 unlink unlinkat umask statfs fstatfs""",
    "waiting": """epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6
        eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime setitimer getitimer clock_nanosleep nanosleep
        restart_syscall""",
    "sockets": """bind listen accept accept4 connect getsockname getpeername getsockopt setsockopt shutdown sendto
        sendmsg sendmmsg recvfrom recvmsg recvmmsg sendfile""",
    "threads": """futex futex_waitv set_robust_list get_robust_list set_tid_address rseq membarrier sched_yield gettid
        sched_getaffinity sched_getparam sched_getscheduler getcpu exit exit_group""",
    "signals": """rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack
        tgkill signalfd signalfd4 wait4""",
    "itself": """getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups
        getrlimit setrlimit prlimit64 getrusage times prctl arch_prctl uname sysinfo capget getrandom time gettimeofday
        clock_gettime clock_getres uretprobe uprobe""",
    "its own start": "execve",
}
"""All that Python, uvloop, OpenSSL and glibc's resolver ask of the kernel while they serve."""

NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}; NEWTIME's bit is an exit signal in clone
_CLONE_THREAD = 0x10000
_UNSHARE_ALLOWED = 0x00050F00  # CLONE_{VM,FS,FILES,SIGHAND}, THREAD, SYSVSEM: what a thread may leave without privilege

# Keys typed into the terminal that the operator's shell reads next; text pasted into a console; line disciplines, which
# are drivers with a history, loaded on demand.
_IOCTLS_REFUSED = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
"""Linux, 32 bit, UNAME26, both, no address randomisation (debuggers), and the question. Never READ_IMPLIES_EXEC."""

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_DGRAM = 1, 2
SOCK_TYPE = 0xF
NETLINK_ROUTE = 0
PROTOCOLS = (0, 1, 6, 17, 58)  # the type's own, ICMP (unprivileged ping), TCP, UDP, ICMPv6


def box_filter(machine: str) -> bytes:
    """The filter of the agent's box: what compilers, interpreters, debuggers and shells need, and no more kernel.

    `machine` is as `uname -m` says. Raises BackendError where there is no filter for it.
    """
    calls = system_calls(machine)
    return _program(machine, dict.fromkeys(calls, ALLOW) | _box_rules())


def sidecar_filter(machine: str) -> bytes:
    """The filter of the egress process: files, sockets and threads, and none of another process's business.

    It starts no process: only a thread may be cloned. execve stays, for bwrap puts the filter on before it becomes the
    sidecar; what the process could become in there is held by the same filter, the same namespaces and no privilege.
    Raises BackendError where there is no filter for the machine.
    """
    allowed = " ".join(_SIDECAR.values()).split()
    shared = {name: rule for name, rule in _rules_by_argument().items() if name in ("ioctl", "socketpair")}
    # It shares the host's network stack, and with it the abstract sockets of the host's programs.
    shared["socket"] = look_at(low(0), equal(AF_UNIX, refuse(EAFNOSUPPORT), look_at(low(0), _socket())))
    threads = look_at(low(0), any_bit(_CLONE_THREAD, _rules_by_argument()["clone"], _NOT_PERMITTED))
    own = {"clone": threads, "clone3": _ABSENT}
    return _program(machine, dict.fromkeys(allowed, ALLOW) | shared | own)


def _box_rules() -> dict[str, Piece]:
    refused = " ".join(REFUSED.values()).split()
    return {
        **dict.fromkeys(refused, _NOT_PERMITTED),
        **dict.fromkeys(PRETENDED_ABSENT.split(), _ABSENT),
        **_rules_by_argument(),
    }


def _rules_by_argument() -> dict[str, Piece]:
    return {
        "clone": look_at(low(0), any_bit(NEW_NAMESPACES, _NOT_PERMITTED, ALLOW)),
        "unshare": look_at(high(0), equal(0, _unshare(), _NOT_PERMITTED)),
        # The kernel reads an int. To compare all 64 bits is to let the same request pass with rubbish above it
        # (CVE-2019-10063).
        "ioctl": look_at(low(1), one_of(_IOCTLS_REFUSED, _NOT_PERMITTED, ALLOW)),
        "personality": look_at(low(0), one_of(PERSONALITIES, ALLOW, _NOT_PERMITTED)),
        "socket": look_at(low(0), _socket()),
        # Only one family has pairs that anybody uses, and TIPC's would load its driver.
        "socketpair": look_at(low(0), equal(AF_UNIX, ALLOW, refuse(EAFNOSUPPORT))),
    }


def _unshare() -> Piece:
    return look_at(low(0), any_bit(~_UNSHARE_ALLOWED & 0xFFFFFFFF, _NOT_PERMITTED, ALLOW))


def _socket() -> Piece:
    """By family. A network namespace does not hold vsock, which reaches a hypervisor, nor the kernel's own crypto."""
    unsupported = refuse(EPROTONOSUPPORT)
    internet = one_of((SOCK_STREAM, SOCK_DGRAM), look_at(low(2), one_of(PROTOCOLS, ALLOW, unsupported)), _no_type())
    families = {
        AF_UNIX: ALLOW,
        AF_INET: look_at(low(1), internet, mask=SOCK_TYPE),
        AF_INET6: look_at(low(1), internet, mask=SOCK_TYPE),
        AF_NETLINK: look_at(low(2), equal(NETLINK_ROUTE, ALLOW, unsupported)),
    }
    piece = refuse(EAFNOSUPPORT)
    for family, answer in families.items():
        piece = equal(family, answer, piece)
    return piece


def _no_type() -> Piece:
    """Raw sockets, SCTP and DCCP by type, and AF_PACKET by its old name, which is a type of AF_INET."""
    return equal(3, _NOT_PERMITTED, refuse(ESOCKTNOSUPPORT))


def _program(machine: str, rules: Mapping[str, Piece]) -> bytes:
    """First the architecture: a number means another call on another one (i386 through `int 0x80`).

    Numbers without a rule do not exist: those of x32 (bit 30) are among them, and every one above the table, as runc
    does it, so that a C library that tries a newer call falls back on the older.
    """
    by_number = by_range(_ranges({number: rules.get(name, _NOT_PERMITTED) for name, number in _known(machine)}))
    return look_at(ARCHITECTURE, equal(_AUDIT_ARCH[machine], look_at(NUMBER, by_number), KILL))


def _known(machine: str) -> list[tuple[str, int]]:
    return sorted(system_calls(machine).items(), key=lambda item: item[1])


def _ranges(pieces: Mapping[int, Piece]) -> list[tuple[int, Piece]]:
    """Neighbours with the same answer become one range."""
    ranges: list[tuple[int, Piece]] = []
    for number in range(max(pieces) + 2):
        piece = pieces.get(number, _ABSENT)
        if not ranges or ranges[-1][1] != piece:
            ranges.append((number, piece))
    return ranges

"""From inside, no power over the kernel: no capability, no setuid program, no mount, no other process, no host file."""

import re

import pytest

from tests.walls.conftest import Attack, Box, Boxes

DENIED = {"EPERM", "EACCES", "ENOSYS", "EROFS"}
NOT_IN_GVISOR = {"EINVAL", "EFAULT", "ESRCH", "ENOENT", "ENODEV", "ENOTSUP"}
ABSENT = {"ENOENT", "ENOTDIR", "ENODEV", "ENXIO"}

# Numbers of system calls on x86-64 that the C library has no name for.
BPF, KEYCTL, ADD_KEY, PERF_EVENT_OPEN, USERFAULTFD, KEXEC_LOAD, INIT_MODULE = 321, 250, 248, 298, 323, 246, 175
IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID = 0x10000000, 0x00020000, 0x40000000, 0x20000000


def status_of(box: Box) -> dict[str, str]:
    lines = box.shell("cat /proc/self/status").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def test_the_agent_is_nobody_of_power(box: Box) -> None:
    status = status_of(box)
    assert status["Uid"].split()[0] == "1000"
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd"):
        assert int(status[kind], 16) == 0, kind
    if box.runtime != "gvisor":
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


def test_root_inside_has_no_power_either(container: Box) -> None:
    """An exec as root, which only the engine can order, holds no capability."""
    done = container.bottle.run(["cat", "/proc/self/status"], user="root")
    lines = dict(line.split(":\t", 1) for line in done.stdout.decode().splitlines() if ":\t" in line)
    assert int(lines["CapEff"], 16) == 0


PRIVILEGED = [
    ("call", "mount", "none", "/mnt", "tmpfs", 0, 0),
    ("call", "umount2", "/proc", 2),
    ("call", "chroot", "/tmp"),
    ("call", "pivot_root", "/tmp", "/tmp"),
    ("call", "setuid", 0),
    ("call", "setgid", 0),
    ("call", "unshare", CLONE_NEWNS),
    ("call", "unshare", CLONE_NEWNET),
    ("call", "unshare", CLONE_NEWPID),
    ("call", "sethostname", "x", 1),
    ("call", "reboot", 0x4321FEDC),
    ("call", "swapon", "/tmp/x", 0),
    ("call", "mknod", "/tmp/device", 0o60666, 0x0800),
    ("syscall", BPF, 0, 0, 0),
    ("syscall", KEXEC_LOAD, 0, 0, 0, 0),
    ("syscall", INIT_MODULE, 0, 0, 0),
    ("syscall", PERF_EVENT_OPEN, 0, 0, -1, -1, 0),
    ("shocker", "/"),
]


@pytest.mark.parametrize("attack", PRIVILEGED, ids=lambda attack: " ".join(str(part) for part in attack[:3]))
def test_a_privileged_call_is_refused(box: Box, attack: Attack) -> None:
    answer = box.row(PRIVILEGED, attack)
    if box.runtime == "gvisor":
        # gVisor's own kernel looks at arguments before permission, and lets a process play with what is gVisor's alone.
        assert answer in DENIED | NOT_IN_GVISOR or attack[:2] in {("call", "mknod"), ("call", "unshare")}
    elif box.runtime == "bubblewrap" and attack[1] in {"setuid", "setgid"}:
        assert answer == "EINVAL", "there is no such number in the box"
    else:
        assert answer in DENIED


def test_a_device_that_was_made_inside_leads_nowhere(box: Box) -> None:
    made, opened = box.tries(("call", "mknod", "/tmp/disk", 0o60666, 0x0800), ("read", "/tmp/disk"))
    assert made in DENIED | {"ok 0"}
    assert opened in DENIED | ABSENT


@pytest.mark.parametrize("runtime", ["runc", "bubblewrap"])
def test_no_ring_is_made_whose_sockets_no_filter_would_see(boxes: Boxes, runtime: str) -> None:
    """gVisor's own kernel answers in its box, and opens none."""
    calls = (IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER)
    assert set(boxes(runtime).tries(*(("syscall", number, 8, 0, 0) for number in calls))) <= DENIED


def test_the_kernels_key_ring_and_page_faults_are_out_of_reach(box: Box) -> None:
    calls = [("syscall", number, 0, 0, 0, 0, 0) for number in (KEYCTL, ADD_KEY, USERFAULTFD)]
    assert set(box.tries(*calls, apart=True)) <= DENIED | {"EINVAL", "EFAULT"}


def test_a_user_namespace_gives_no_power_over_the_box(box: Box) -> None:
    """Where one can be made at all, it holds no network and no mount of the host's."""
    said = box.shell("unshare -Ur sh -c 'mount -t tmpfs none /mnt && echo mounted' || echo refused")
    if box.runtime != "gvisor":
        assert "mounted" not in said
    assert "ok" not in box.shell("unshare -Urn sh -c 'curl -s --max-time 2 http://192.0.2.1/ && echo ok'").split()


def test_setuid_programs_are_powerless(box: Box) -> None:
    assert box.tries(("become_root",)) == ["powerless"]


def test_only_the_boxes_own_processes_are_seen(box: Box) -> None:
    commands = box.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    for outsider in ("dockerd", "containerd", "systemd", "sidecars.egress", "pytest"):
        assert outsider not in commands


NOT_TO_BE_WRITTEN = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/memory/notify_on_release",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/class/net/eth0/mtu",
    "/etc/passwd",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/local/share/ca-certificates/bot-bottle.crt",
    "/usr/local/bin/x",
]


@pytest.mark.parametrize("path", NOT_TO_BE_WRITTEN)
def test_what_the_kernel_and_the_image_own_cannot_be_written(box: Box, path: str) -> None:
    assert box.row([("write", path) for path in NOT_TO_BE_WRITTEN], ("write", path)) in DENIED | ABSENT


def test_the_kernels_secrets_cannot_be_read(box: Box) -> None:
    paths = [f"/proc/{name}" for name in ("kcore", "keys", "timer_list", "sched_debug", "kmsg")]
    answers = box.tries(*(("read", path) for path in paths), apart=True)
    assert set(answers) <= DENIED | ABSENT | {"ok "}, "masked files are empty"


def test_no_device_of_the_hosts(box: Box) -> None:
    allowed = r"console|core|fd|full|mqueue|net|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero|fuse"
    found = box.shell("cd /dev; echo *").split()
    assert [name for name in found if not re.fullmatch(allowed, name)] == []


def test_no_engine_socket_and_no_orchestrators_token(box: Box) -> None:
    sockets = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")
    assert set(box.tries(*(("unix", path) for path in sockets))) <= ABSENT
    assert box.tries(("read", "/var/run/secrets/kubernetes.io/serviceaccount/token"))[0] in ABSENT


def test_no_mount_of_the_hosts(container: Box) -> None:
    """Only what the engine itself lays into every container, and nothing of that can be written."""
    lines = [line.split() for line in container.shell("cat /proc/self/mountinfo").splitlines()]
    targets = {fields[4] for fields in lines}
    expected = re.compile(
        r"/|/proc(/.*)?|/dev(/.*)?|/sys(/.*)?|/tmp|/run/bottle|/etc/(resolv.conf|hostname|hosts)|(/usr)?/sbin/docker-init"
    )
    assert [target for target in targets if not expected.fullmatch(target)] == []
    writable = container.tries(*(("write", path) for path in ("/etc/resolv.conf", "/etc/hosts", "/sbin/docker-init")))
    assert set(writable) <= DENIED | {"ETXTBSY"} | ABSENT


def test_no_private_key_of_the_bottles_authority(box: Box) -> None:
    assert box.shell(f"grep -rsIlE '^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----' {box.own_places}").split() == []


def test_a_core_dump_is_not_written(box: Box) -> None:
    assert box.shell("ulimit -c").strip() == "0"

"""Of the host's sockets a box of namespaces reaches none: paths, abstract names, other families, System V and POSIX."""

import ctypes
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.host_person import Person
from tests.support.host_traps import can_bind, traps
from tests.walls.conftest import Attack, Box, Trap

ABSENT = {"ENOENT", "ENOTDIR"}
NO_SUCH_SOCKET = {"EPERM", "EACCES", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EAFNOSUPPORT"}
NETLINK_ROUTE = 0
USUAL = (
    *("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"),
    *("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/journal/socket", "/run/nscd/socket"),
    *("/run/user/0/bus", "/run/user/1000/bus", "/run/user/1000/wayland-0", "/run/user/1000/pipewire-0"),
    *("/run/user/1000/gnupg/S.gpg-agent", "/run/user/1000/keyring/ssh", "/tmp/.X11-unix/X0", "/run/snapd.socket"),
    *("/dev/log", "/run/mysqld/mysqld.sock", "/run/postgresql/.s.PGSQL.5432", "/nix/var/nix/daemon-socket/socket"),
)


@pytest.fixture(scope="module")
def listeners() -> Iterator[list[Path]]:
    """Sockets that anybody may use, where programs of the host's put theirs."""
    name = f"walls-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        found = []
        for place in ("/tmp/.X11-unix", f"/tmp/ssh-{name}", "/run", "/dev/shm", "/var/tmp"):
            folder = Path(place)
            if folder.exists() and not os.access(folder, os.W_OK):
                continue
            if not folder.exists():
                folder.mkdir()
                stack.callback(folder.rmdir)
            path = folder / f"{name}.sock"
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            stack.callback(path.unlink)
            listener.listen()
            path.chmod(0o777)
            found.append(path)
        yield found


def test_no_socket_of_the_hosts_at_any_path(embedded: Box, listeners: list[Path]) -> None:
    for path in listeners:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(path))
    roots = ("", "/proc/1/root", "/proc/self/root")
    answers = embedded.tries(*(("unix", f"{root}{path}") for path in listeners for root in roots))
    assert set(answers) <= ABSENT | {"EACCES"}


def test_no_socket_where_programs_of_a_host_listen(embedded: Box) -> None:
    assert set(embedded.tries(*(("unix", path) for path in USUAL))) <= ABSENT


def test_no_socket_is_in_the_box_at_all(embedded: Box) -> None:
    assert embedded.shell("find / -xdev -type s; find /run /tmp /dev /home /var /usr/lib /usr/local -type s") == ""


def test_no_abstract_socket_of_the_hosts(embedded: Box) -> None:
    name = f"walls-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as control:
        listener.bind(f"\0{name}")
        listener.listen()
        control.connect(f"\0{name}")
        assert embedded.tries(("abstract", name)) == ["ECONNREFUSED"]
        assert f"@{name}" in Path("/proc/net/unix").read_text()
        assert "@" not in embedded.shell("cat /proc/net/unix")


def test_no_socket_of_a_family_that_a_network_namespace_does_not_hold(box: Box) -> None:
    families = ("AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_CAN", "AF_TIPC", "AF_BLUETOOTH", "AF_QIPCRTR")
    kinds = ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW")
    opened = [("opened", family, kind, 0) for family in families for kind in kinds]
    assert set(box.tries(*opened, apart=True)) <= NO_SUCH_SOCKET


FAMILIES = [("call", "socket", number, 2, 0) for number in range(46) if number not in (1, 2, 10, 16)]


@pytest.mark.parametrize("attack", FAMILIES, ids=lambda attack: str(attack[2]))
def test_no_family_but_four_exists(embedded: Box, attack: Attack) -> None:
    assert embedded.row(FAMILIES, attack) in NO_SUCH_SOCKET


def test_no_hypervisor_answers(box: Box) -> None:
    assert set(box.tries(*(("vsock", cid, 5001) for cid in (0, 1, 2, 3)))) <= NO_SUCH_SOCKET


NETLINKS = [("opened", "AF_NETLINK", "SOCK_RAW", protocol) for protocol in range(23) if protocol != NETLINK_ROUTE]


@pytest.mark.parametrize("attack", NETLINKS, ids=lambda attack: str(attack[3]))
def test_no_netlink_but_that_of_routes(embedded: Box, attack: Attack) -> None:
    """Audit, netfilter, crypto, device events, generic: each is another part of the kernel."""
    assert embedded.row(NETLINKS, attack) in NO_SUCH_SOCKET


def test_routes_and_devices_can_be_looked_at_and_not_be_made(embedded: Box) -> None:
    said = embedded.shell("cat /proc/net/dev /proc/net/route; ip link add x type dummy; ip route add default dev lo")
    devices = {line.partition(":")[0].strip() for line in said.splitlines() if ": " in line and "|" not in line}
    assert "lo" in devices
    assert not {"eth0", "docker0", "x"} & devices
    assert said.count("Operation not permitted") + said.count("not found") >= 2


def test_no_packet_past_the_routing_table_arrives_at_the_host(
    embedded: Box, trap: Trap, host_addresses: list[str]
) -> None:
    """Loopback takes every address for its own; what it takes stays in the box."""
    addresses = (*host_addresses, "127.0.0.1", "10.0.2.2", "255.255.255.255", "224.0.0.1")
    ways = ("bound", "flag", "unicast-if", "pktinfo", "broadcast-bound", "multicast-if")
    embedded.tries(*(("on_device", way, address, trap.port, "lo") for way in ways for address in addresses))
    assert set(embedded.tries(*(("tcp", address, trap.port) for address in ("127.0.0.1", "::1", "0.0.0.0")))) == {
        "ECONNREFUSED"
    }
    assert trap.count() == 0


def test_a_question_for_a_name_reaches_no_resolver_of_the_hosts(embedded: Box, host_addresses: list[str]) -> None:
    """The box's own resolver asks its own loopback; the host's, which would answer, hears nothing."""
    name = f"{uuid.uuid4().hex}.walls.example"
    question = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"".join(
        bytes([len(label)]) + label.encode() for label in name.split(".")
    )
    asked = (question + b"\0\0\1\0\1").hex()
    with traps() as set_up:
        embedded.tries(("resolve", name))
        embedded.tries(*(("ask", address, set_up.dns_port, asked) for address in ("127.0.0.1", *host_addresses)))
        assert set_up.questions == []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.settimeout(5)
            control.sendto(bytes.fromhex(asked), ("127.0.0.1", set_up.dns_port))
            control.recv(512)
        assert set_up.questions == [name]


def test_a_question_at_the_usual_port_stays_in_the_box(embedded: Box) -> None:
    name = f"{uuid.uuid4().hex}.walls.example"
    if not can_bind("127.0.0.1"):
        pytest.skip("there is no loopback")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        try:
            resolver.bind(("127.0.0.1", 53))
        except OSError as error:
            pytest.skip(f"port 53 is not to be had: {error}")
        resolver.settimeout(0.5)
        assert not embedded.tries(("resolve", name))[0].startswith("ok")
        heard = _heard(resolver)  # others of this host may ask here, too
        assert not any(name.partition(".")[0].encode() in question for question in heard)


def _heard(resolver: socket.socket) -> list[bytes]:
    """What is asked until nothing comes for a while, or much has come."""
    questions: list[bytes] = []
    with suppress(TimeoutError):
        while len(questions) < 100:
            questions.append(resolver.recv(512))
    return questions


@pytest.fixture
def segment() -> Iterator[int]:
    """The key of System V shared memory that everybody on the host may use."""
    libc, key = ctypes.CDLL(None, use_errno=True), uuid.uuid4().int & 0x7FFFFFFF
    number = libc.shmget(key, 4096, 0o1666)
    assert number >= 0
    yield key
    libc.shmctl(number, 0, None)


def test_no_shared_memory_or_queue_of_the_hosts(embedded: Box, segment: int) -> None:
    assert ctypes.CDLL(None).shmget(segment, 0, 0) >= 0
    assert embedded.tries(("shared_memory", segment)) == ["ENOENT"]
    shared = Path("/dev/shm") / f"walls-{uuid.uuid4().hex}"
    shared.write_text("the host's")
    try:
        shared.chmod(0o666)
        assert embedded.tries(("read", str(shared))) == ["ENOENT"]
    finally:
        shared.unlink()
    assert embedded.tries(("message_queue", "/walls")) == ["ENOENT"]


def test_the_kernels_ring_of_keys_is_not_told_of(embedded: Box, person: Person) -> None:
    """keyctl is refused; what /proc would tell of the person's keys is hidden."""
    if not person.key:
        pytest.skip("this kernel keeps no keys")
    answers = embedded.tries(("read", "/proc/keys"), ("read", "/proc/key-users"))
    assert set(answers) <= {"EACCES", "ENOENT", "ok "}
    assert person.key not in embedded.shell("cat /proc/keys")

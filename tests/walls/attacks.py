"""What a hostile agent tries. Runs inside the box, on its own Python, from standard input: standard library alone.

Each attack returns one word: `ok...` when it had its way, else the name of the error that stopped it.
"""

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Option = tuple[int, int, Any]

TIMEOUT = 3.0
libc = ctypes.CDLL(None, use_errno=True)


def word(error: Exception) -> str:
    """The name of an error, e.g. EPERM; of a time-out, `timeout`."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return (
        errno.errorcode.get(error.errno or 0, type(error).__name__)
        if isinstance(error, OSError)
        else type(error).__name__
    )


def tcp(host: str, port: int, *options: Option) -> str:
    with socket.socket(_family(host), socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        for option in options:
            sock.setsockopt(*option)
        sock.connect((host, port))
        return "ok connected"


def udp(
    host: str, port: int, *options: Option, flags: int = 0, ancillary: tuple[tuple[int, int, bytes], ...] = ()
) -> str:
    """A datagram that no answer is expected to: `ok sent` when the kernel took it."""
    with socket.socket(_family(host), socket.SOCK_DGRAM) as sock:
        for option in options:
            sock.setsockopt(*option)
        sock.sendmsg([b"attack"], ancillary, flags, (host, port))
        return "ok sent"


def ask(host: str, port: int, content: str) -> str:
    """A datagram that an answer is expected to."""
    with socket.socket(_family(host), socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((host, port))  # so that a closed port is heard of
        sock.send(bytes.fromhex(content))
        return "ok " + sock.recv(4096).hex()


def on_device(kind: str, host: str, port: int, name: str = "eth0") -> str:
    """Past the routing table: a socket that is bound to the device takes any address for a neighbour's."""
    index = socket.if_nametoindex(name)
    device, direct, broadcast = (1, 25, name.encode()), (1, 5, 1), (1, 6, 1)
    unicast_if = (0, 50, struct.pack("!I", index))
    multicast_if = (0, 32, struct.pack("4s4si", bytes(4), bytes(4), index))
    pktinfo = ((0, 8, struct.pack("=I4s4s", index, bytes(4), bytes(4))),)
    ways = {
        "tcp": lambda: tcp(host, port, device, direct),
        "bound": lambda: udp(host, port, device, direct),
        "flag": lambda: udp(host, port, device, flags=4),
        "unicast-if": lambda: udp(host, port, unicast_if, direct),
        "pktinfo": lambda: udp(host, port, direct, ancillary=pktinfo),
        "source-route": lambda: udp(host, port, (0, 4, bytes([137, 7, 4]) + socket.inet_aton(host) + b"\0")),
        "broadcast": lambda: udp(host, port, broadcast),
        "broadcast-bound": lambda: udp(host, port, broadcast, device),
        "multicast": lambda: udp(host, port),
        "multicast-if": lambda: udp(host, port, multicast_if),
    }
    return ways[kind]()


def ping(host: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(TIMEOUT)
        sock.sendto(b"\x08\0\0\0\0\1\0\1" + b"payload!", (host, 0))
        sock.recv(100)
        return "ok answered"


def opened(family: str, kind: str, protocol: int) -> str:
    """A socket of a kind that goes beneath or beside TCP and UDP."""
    socket.socket(getattr(socket, family), getattr(socket, kind), protocol).close()
    return "ok open"


def sctp(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((host, port))
        return "ok connected"


def resolve(name: str) -> str:
    return f"ok {socket.getaddrinfo(name, 80)[0][4][0]}"


def unix(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        return "ok connected"


def write(path: str) -> str:
    Path(path).write_text("1\n")
    return "ok written"


def read(path: str) -> str:
    with Path(path).open("rb") as file:
        return "ok " + file.read(200).hex()


def call(name: str, *arguments: Any) -> str:
    """A system call of the C library's, by name. Texts are passed as bytes."""
    values = [value.encode() if isinstance(value, str) else value for value in arguments]
    ctypes.set_errno(0)
    result = getattr(libc, name)(*values)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return f"ok {result}"


def syscall(number: int, *arguments: Any) -> str:
    return call("syscall", number, *arguments)


def shocker(path: str) -> str:
    """open_by_handle_at on the root's inode, CAP_DAC_READ_SEARCH's gift."""
    root = os.open(path, os.O_RDONLY)
    handle = struct.pack("=Ii8s", 8, 1, struct.pack("=II", 2, 0))
    return call("open_by_handle_at", root, ctypes.create_string_buffer(handle), os.O_RDONLY)


def privileged_below(folder: str) -> Iterator[str]:
    """Programs that run as somebody else. A path object for each file would take ten times as long."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from privileged_below(entry.path)
        elif entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mode & 0o6000:
            yield entry.path


def become_root() -> str:
    """Every setuid program of the image, asked to do what only root may."""
    roots = {os.path.realpath(root) for root in ("/bin", "/sbin", "/usr")}
    found = [path for root in roots for path in privileged_below(root)]
    if not found:
        return "ENOENT"
    for name in ("su", "newgrp", "chsh"):
        for program in found:
            if program.endswith("/" + name):
                done = subprocess.run(
                    [program, "-c", "id -u"], input=b"\n", capture_output=True, timeout=20, check=False
                )
                if done.stdout.strip() == b"0":
                    return "ok root by " + program
    return "powerless"


def signalled(pid: int, number: int) -> str:
    os.kill(pid, number)
    return "ok sent"


def traced(pid: int) -> str:
    return call("ptrace", 16, pid, 0, 0)  # PTRACE_ATTACH


def memory_of(pid: int) -> str:
    """A byte of what the process holds: of its command line, whose address the kernel tells, or of anything."""
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 8)
    return call("process_vm_readv", pid, local, 1, remote, 1, 0)


def descriptor_of(pid: int, number: int) -> str:
    return f"ok {Path(f'/proc/self/fd/{_copied(pid, number)}').readlink()}"


def _copied(pid: int, number: int) -> int:
    handle = os.pidfd_open(pid)
    copy = libc.syscall(438, handle, number, 0)  # pidfd_getfd
    if copy < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return int(copy)


def listed(path: str) -> str:
    return "ok " + " ".join(sorted(entry.name for entry in Path(path).iterdir()))


def linked(path: str) -> str:
    """Where the kernel says that a link of its own leads."""
    return f"ok {Path(path).readlink()}"


def cloned(flags: int) -> str:
    """A process in namespaces of its own, by clone(2)."""
    pid = libc.syscall(56, flags | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return "ok cloned"


def cloned3(flags: int) -> str:
    arguments = struct.pack("=11Q", flags, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
    pid = libc.syscall(435, ctypes.create_string_buffer(arguments), len(arguments))
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone3")
    return "ok cloned"


def entered(path: str) -> str:
    """Into a namespace that somebody else lives in."""
    return call("setns", os.open(path, os.O_RDONLY), 0)


def abstract(name: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + name)
        return "ok connected"


def vsock(cid: int, port: int) -> str:
    with socket.socket(40, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((cid, port))
        return "ok connected"


def new_link(source: str, target: str) -> str:
    os.link(source, target)
    return "ok linked"


def shared_memory(key: int) -> str:
    return call("shmget", key, 0, 0)


def message_queue(name: str) -> str:
    return call("mq_open", name, os.O_RDWR)


def filled(path: str, size: int) -> str:
    """Writes up to so many bytes; `ok` when all of them fitted."""
    piece = bytes(1 << 20)
    try:
        with Path(path).open("wb", buffering=0) as file:
            file.writelines(piece for _ in range(size >> 20))
        return "ok full"
    finally:
        Path(path).unlink()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def outcome(name: str, arguments: list[Any]) -> str:
    try:
        return str(globals()[name](*arguments))
    except (OSError, AttributeError, subprocess.SubprocessError) as failure:
        return word(failure)


def apart(name: str, arguments: list[Any]) -> str:
    """In a process of its own, so that what it has got is no other attack's; `killed` when it did not come back."""
    end, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(said, outcome(name, arguments).encode())
        os._exit(0)
    os.close(said)
    with os.fdopen(end) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return answer or "killed"


if __name__ == "__main__":
    tried = apart if sys.argv[2:] == ["apart"] else outcome
    sys.stdout.write(json.dumps([tried(name, arguments) for name, arguments in json.loads(sys.argv[1])]))

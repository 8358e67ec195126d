"""Reports what a box of namespaces finds around it, as one JSON object. What a report means is decided outside.

Standard library alone, and little of it: a person waits meanwhile.
"""

import json
import os
import socket
import sys
from collections.abc import Callable

_OUTSIDE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): nobody's, so that an attempt tells nobody anything
_OUTSIDE_V6 = "2001:db8::1"  # RFC 3849
_OUTSIDE_NAME = "example.com"
_CLONE_NEWUSER = 0x10000000
_AF_VSOCK = 40
_SECONDS = 2.0
_PROXY_SECONDS = 15.0  # it may be starting still
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def main() -> None:
    """Reads `{"proxy": [HOST, PORT], "absent": [PATH, ...], "directories": {PATH: [DEVICE, INODE], ...}, "authority":
    PATH, "bundle": PATH, "traps": [[ADDRESS, PORT], ...]}` from its argument; there need not be traps."""
    asked = json.loads(sys.argv[1])
    host, port = asked["proxy"]
    report = {
        "status": _status(),
        "interfaces": _interfaces(),
        "outside": _refusal(lambda: _connect(socket.AF_INET, _OUTSIDE)),
        "outside6": _refusal(lambda: _connect(socket.AF_INET6, _OUTSIDE_V6)),
        "datagram": _refusal(_send_datagram),
        "vsock": _refusal(lambda: socket.socket(_AF_VSOCK, socket.SOCK_STREAM).close()),
        "reached": [trap for trap in asked.get("traps", ()) if _reaches(*trap)],
        "name": _refusal(lambda: socket.getaddrinfo(_OUTSIDE_NAME, 80)),
        "namespace": _refusal(_unshare),
        "proxy": _hello(host, port),
        "found": [path for path in asked["absent"] if os.path.lexists(path)],
        "shown": [path for path, place in asked["directories"].items() if _place(path) == place],
        "namespaces": {kind: _link(f"/proc/self/ns/{kind}") for kind in _NAMESPACES},
        "writable": _writable(),
        "processes": _processes(),
        "abstract": _abstract_sockets(),
        "trusted": _read(asked["authority"]).strip() in _read(asked["bundle"]),
        "uid": os.getuid(),
    }
    sys.stdout.write(json.dumps(report) + "\n")


def _status() -> dict[str, str]:
    lines = (line.partition(":") for line in _read("/proc/self/status").splitlines())
    return {key: value.strip() for key, _, value in lines if key.startswith("Cap") or key in {"NoNewPrivs", "Seccomp"}}


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208 - as in _read


def _place(path: str) -> list[int]:
    """Which directory it is, whatever it is called elsewhere; empty where it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - as in _read
    except OSError:
        return []
    return [status.st_dev, status.st_ino]


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as in _read
    except OSError:
        return ""


def _interfaces() -> list[str]:
    return [line.partition(":")[0].strip() for line in _read("/proc/net/dev").splitlines() if ":" in line]


def _connect(family: socket.AddressFamily, address: str, port: int = 9) -> None:
    with socket.socket(family) as connection:
        connection.settimeout(_SECONDS)
        connection.connect((address, port))


def _reaches(address: str, port: int) -> bool:
    return not _refusal(lambda: _connect(socket.AF_INET, address, port))


def _send_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", (_OUTSIDE, 53))


def _unshare() -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWUSER):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _refusal(attempt: Callable[[], object]) -> str:
    """Why it was refused; empty when it was not."""
    try:
        attempt()
    except TimeoutError:
        return "time is up"
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _hello(host: str, port: int) -> str:
    """What the way out says of itself."""
    heard = b""
    try:
        with socket.create_connection((host, port), _PROXY_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: egress\r\nConnection: close\r\n\r\n")
            while data := connection.recv(4096):
                heard += data
    except OSError as error:
        return error.strerror or type(error).__name__
    return heard.decode(errors="replace")


def _writable() -> list[str]:
    """Where something is mounted that can be written to."""
    mounts = [line.split(" ") for line in _read("/proc/self/mounts").splitlines()]
    return sorted({words[1] for words in mounts if "rw" in words[3].split(",")})


def _abstract_sockets() -> list[str]:
    return [line.split()[-1] for line in _read("/proc/net/unix").splitlines() if "@" in line]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib's import takes longer
            return file.read()
    except OSError:
        return ""

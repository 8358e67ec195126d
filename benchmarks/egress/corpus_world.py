"""A network of its own for the corpora: every address in the world is this machine, and every connection is counted.

Made of a network and a mount namespace: all routes lead to loopback, a DNS server of ours answers, and one listener per
port says which address was dialled. The addresses of `PUBLIC` are an origin; all others must never be reached.
"""

import collections
import ipaddress
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.egress.harness import server_context
from tests.support.http_readers import by_h11_first

PUBLIC = "93.184.216.34"
PORTS = {80: False, 443: True, 8443: True}  # TLS or not
_A, _CNAME, _AAAA = 1, 5, 28


def enter(directory: Path) -> None:
    """Runs this program again inside the namespaces, once."""
    if os.environ.get("BOTTLE_CORPORA") == "inside":
        return
    (directory / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    steps = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo"
    steps += f' && mount --bind {directory}/resolv.conf /etc/resolv.conf && exec "$@"'
    who = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    environment = {**os.environ, "BOTTLE_CORPORA": "inside"}
    argv = ["unshare", *who, "--net", "--mount", "sh", "-ec", steps, "sh", sys.executable, *sys.argv]
    raise SystemExit(subprocess.run(argv, env=environment, check=False).returncode)


class World:
    """The origin, the listeners and the names. `answer` is what the origin says to a request's head and body."""

    def __init__(self, certificate: tuple[str, str], answer: Callable[[bytes], bytes]) -> None:
        self.reached: collections.Counter[str] = collections.Counter()
        """Connections to addresses that nobody may reach."""
        self.seen: list[bytes] = []
        """All that came over each connection to the origin."""
        self.names: dict[str, list[str]] = {}
        self._answer = answer
        self._context = server_context(*certificate)
        for port, tls in PORTS.items():
            for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                listener = socket.create_server((everywhere, port), family=family, backlog=512)
                threading.Thread(target=self._accept, args=(listener, tls), daemon=True).start()
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("127.0.0.53", 53))
        threading.Thread(target=self._name, args=(names,), daemon=True).start()

    def _accept(self, listener: socket.socket, tls: bool) -> None:
        while True:
            connection, _ = listener.accept()
            address = connection.getsockname()[0]
            if address == PUBLIC:
                threading.Thread(target=self._serve, args=(connection, tls), daemon=True).start()
            else:
                self.reached[address] += 1
                connection.close()

    def _serve(self, connection: socket.socket, tls: bool) -> None:
        try:
            inside: socket.socket = connection
            if tls:
                inside = self._context.wrap_socket(connection, server_side=True)
            inside.settimeout(5)
            self._hear(inside)
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            connection.close()

    def _hear(self, connection: socket.socket) -> None:
        """One answer, to the first request; what comes behind it is kept and answered by nobody."""
        at, data = len(self.seen), b""
        self.seen.append(b"")
        answered = False
        while piece := connection.recv(262144):
            data += piece
            self.seen[at] = data
            if not answered and by_h11_first(data) is not False:
                answered = True
                connection.sendall(self._answer(data))

    def _name(self, names: socket.socket) -> None:
        while True:
            query, client = names.recvfrom(4096)
            names.sendto(self._response(query), client)

    def _response(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        records = self._records(".".join(labels).lower(), kind)
        flags = b"\x81\x80" if records is not None else b"\x81\x83"
        head = query[:2] + flags + struct.pack("!4H", 1, len(records or ()), 0, 0)
        return head + query[12 : at + 5] + b"".join(records or ())

    def _records(self, name: str, kind: int) -> list[bytes] | None:
        answers = self.names.get(name)
        if answers is None:
            return None
        if answers[:1] == ["flip"]:  # another address each time that it is asked for
            if kind == _A:
                answers[1:] = [answers[-1], *answers[1:-1]]
            answers = answers[1:2]
        found = []
        for text in answers:
            if text.startswith("cname:"):
                target = b"".join(bytes([len(label)]) + label.encode() for label in text[6:].split("."))
                found.append(_record(_CNAME, target + b"\0"))
                found += [_record(_A, packed) for packed in _packed(self.names[text[6:]], 4) if kind == _A]
        size = {_A: 4, _AAAA: 16}.get(kind, 0)
        return found + [_record(kind, packed) for packed in _packed(answers, size)]


def _packed(texts: list[str], size: int) -> list[bytes]:
    return [p for t in texts if not t.startswith("cname:") and len(p := ipaddress.ip_address(t).packed) == size]


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHHLH", 0xC00C, kind, 1, 0, len(data)) + data

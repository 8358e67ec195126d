"""A way out that is killed in mid-body, and resolvers that break: nothing unjudged leaves, and it goes on."""

import json
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.egress.harness import Origin, Sidecar, TestCa, connect, curl, ok, route
from tests.faults.workers import SEEDS
from tests.support.requirements import require

HOST: Final = "api.example.com"
SECRET: Final = "made-up-credential-0b5f93a1c7e2"
FILLING: Final = bytes(random.Random(1).choices(b"abcdefghij ", k=200_000))
BODY: Final = FILLING[:120_000] + SECRET.encode() + FILLING[120_000:]
HEAD: Final = b"POST http://api.example.com/%d HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def collecting() -> Iterator[tuple[int, bytearray]]:
    """An origin that takes whatever comes and never answers: its port, and all that came."""
    came = bytearray()

    def take(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                came.extend(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=take, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_not_judged_yet_never_left_a_way_out_that_is_killed(tmp_path: Path, seed: int) -> None:
    """The secret stands in the middle of a body; the kill falls before, upon or behind it."""
    until = random.Random(seed).randrange(len(BODY))
    with collecting() as (port, came):
        sidecar = Sidecar(tmp_path / "sidecar", TestCa("bottle test CA"), given={"TOKEN": SECRET})
        try:
            sidecar.start([route(HOST, port, scheme="http")])
            connection = connect(sidecar)
            connection.sendall(HEAD % (seed, len(BODY)))
            try:
                connection.sendall(BODY[:until])
            except ConnectionError:
                pass  # refused by then
            sidecar.process.kill()
        finally:
            sidecar.stop()
        head, _, body = bytes(came).partition(b"\r\n\r\n")
        opened = [line["path"] for line in sidecar.trail(opened=True) if line["kind"] == "opened"]
    assert SECRET.encode()[:8] not in body
    assert BODY.startswith(body)
    assert not head or opened == [f"/{seed}"], "what came is in the trail"


def _packed(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _reply(query: bytes, code: int, addresses: list[str], *, cut: bool = False) -> bytes:
    end = query.index(b"\0", 12) + 5
    answers = b"".join(
        b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address) for address in addresses
    )
    flags = 0x8180 | code | (0x0200 if cut else 0)
    count = 0 if cut else len(addresses)
    return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + query[12:end] + (b"" if cut else answers)


class Resolver:
    """Answers on a loopback address of its own, port 53, each name in its own broken way, always with TTL 0."""

    def __init__(self, address: str) -> None:
        self.asked: list[str] = []
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((address, 53))
        self._stream = socket.create_server((address, 53))
        threading.Thread(target=self._serve_datagrams, daemon=True).start()
        threading.Thread(target=self._serve_streams, daemon=True).start()

    def close(self) -> None:
        for end in (self._datagrams, self._stream):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def _answer(self, query: bytes, *, whole: bool) -> bytes | None:
        name = query[13 : 13 + query[12]].decode()
        self.asked.append(name)
        if query[query.index(b"\0", 12) + 2] != 1:  # an address of IPv6: there is none
            return _reply(query, 0, [])
        answers: dict[str, Callable[[], bytes | None]] = {
            "servfail": lambda: _reply(query, 2, []),
            "nxdomain": lambda: _reply(query, 3, []),
            "silent": lambda: None,
            "garbage": lambda: query[:2] + b"\xff" * 30,
            "many": lambda: _reply(query, 0, ["127.0.0.1"] * 512, cut=not whole),
            "manyin": lambda: _reply(query, 0, ["127.0.0.1"] * 511 + ["10.9.8.7"], cut=not whole),
            "turns": lambda: _reply(query, 0, ["127.0.0.1" if self.asked.count("turns") <= 2 else "10.9.8.7"]),
        }
        return answers[name]()

    def _serve_datagrams(self) -> None:
        while True:
            try:
                query, sender = self._datagrams.recvfrom(4096)
                if not query:
                    return  # closed
                if reply := self._answer(query, whole=False):
                    self._datagrams.sendto(reply, sender)
            except OSError:
                return

    def _serve_streams(self) -> None:
        while True:
            try:
                connection, _ = self._stream.accept()
            except OSError:
                return
            with connection:
                while size := connection.recv(2):
                    reply = self._answer(connection.recv(struct.unpack(">H", size)[0]), whole=True)
                    if reply:
                        connection.sendall(struct.pack(">H", len(reply)) + reply)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    if os.geteuid():
        pytest.skip("needs root, for the port of a resolver")
    made = Resolver("127.0.0.98")
    yield made
    made.close()


def test_whatever_a_resolver_does_is_told_and_lets_nobody_out(tmp_path: Path, resolver: Resolver) -> None:
    """Refused or answered by what the name led to when it was judged; and the next request is judged like the first."""
    require("bwrap")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.98\noptions timeout:1 attempts:1\n")
    within = ["bwrap", "--dev-bind", "/", "/", "--bind", f"{tmp_path}/resolv.conf", "/etc/resolv.conf"]
    origin = Origin(lambda _request, _connection: ok(b"hello", "Connection: close"))
    open_to = {"scheme": "http", "ports": [origin.port], "private_ips": ["127.0.0.0/8"]}
    names = ("servfail", "nxdomain", "silent", "garbage", "manyin", "many", "turns")
    sidecar = Sidecar(tmp_path / "sidecar", TestCa("bottle test CA"), within=[*within, "--die-with-parent", "--"])
    try:
        sidecar.start([{"host": f"{name}.example", **open_to} for name in names])
        told = {}
        for name in (*names, "turns"):
            done = curl(sidecar, "-w", "\n%{http_code}", f"http://{name}.example:{origin.port}/")
            body, _, status = done.stdout.rpartition(b"\n")
            told[name] = (status.decode(), json.loads(body)["rule"] if body != b"hello" else "")
        assert told == {
            "servfail": ("502", "upstream.dns"),
            "nxdomain": ("502", "upstream.dns"),
            "silent": ("502", "upstream.dns"),
            "garbage": ("502", "upstream.dns"),
            "manyin": ("403", "address.private"),
            "many": ("200", ""),
            "turns": ("403", "address.private"),
        }
        assert len(origin.received) == 2, "many addresses, and a name before it was turned elsewhere"
    finally:
        sidecar.stop()
        origin.close()

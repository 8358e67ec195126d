"""A push whose connection breaks after any number of bytes moves no ref; the next is taken as if nothing had been."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from attrs import define

from tests.gitgate.conftest import World

STEP: Final = 1 if int(os.environ.get("BOTTLE_FAULTS", "1")) > 1 else 250
"""Bytes between two cuts."""


@define
class Relay:
    """Passes connections on, until `left` bytes of the client's have gone through; then both ends are closed."""

    port: int
    left: int = 10**9

    def passed(self, data: bytes) -> bytes:
        """What of it may still go on."""
        data = data[: self.left]
        self.left -= len(data)
        return data


@contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, relay, port), daemon=True).start()
        yield relay
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, relay: Relay, port: int) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_join, args=(near, relay, port), daemon=True).start()


def _join(near: socket.socket, relay: Relay, port: int) -> None:
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        back = threading.Thread(target=_pump, args=(far, near, None), daemon=True)
        back.start()
        _pump(near, far, relay)
        back.join()


def _pump(source: socket.socket, sink: socket.socket, relay: Relay | None) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data if relay is None else relay.passed(data))
            if relay is not None and not relay.left:
                break
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@pytest.mark.timeout(0 if STEP == 1 else 120)
def test_a_push_that_is_cut_anywhere_moves_no_ref(world: World) -> None:
    world.start()
    with relay_to(world.port) as relay:
        world.port = relay.port
        work = world.clone()
        before, commit = world.tip(), work.commit({"a": "1\n"})
        cuts = 0
        relay.left = 1
        while work.attempt("push", "origin", "main").status:
            assert world.tip() == before, f"moved by {cuts * STEP + 1} bytes"
            cuts += 1
            relay.left = cuts * STEP + 1
            assert cuts < 20_000
    assert cuts > 4
    assert world.tip() == commit

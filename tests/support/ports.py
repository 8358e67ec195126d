"""Ports for servers that are told theirs before they open it."""

import itertools
import os
import socket

_FIRST, _EACH, _WORKERS = 10_000, 2_500, 8
"""Below those that the kernel gives to clients (32768 and above), which could take one before its server has it."""


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nothing listens at, and that no other worker of the test run, nor this one soon, is given."""
    for port in _ports:
        with socket.socket() as tried:
            try:
                tried.bind((address, port))
            except OSError:
                continue
        return port
    raise AssertionError("there is always a next one")


def _of_this_worker() -> "itertools.cycle[int]":
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    first, turn = _FIRST + worker * _EACH, os.getpid() % _EACH
    return itertools.cycle([first + (turn + number) % _EACH for number in range(_EACH)])


_ports = _of_this_worker()

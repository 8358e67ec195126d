"""Starts the first process of a box. It goes on until the box is ended from outside."""

import json
import socket
import sys

from sidecars.init import doors, process
from sidecars.init.server import Server


def main() -> None:
    """Reads `{"commands": FD, "doors": [{"port": PORT, "fd": FD}, ...], "directory": PATH, "processes": NUMBER}` from
    the only argument, and serves until standard input ends. Commands run in the directory unless they name another."""
    config = json.loads(sys.argv[1])
    listener: int = config["commands"]
    wanted: list[tuple[int, int]] = [(door["port"], door["fd"]) for door in config["doors"]]
    process.seal()
    process.keep_only({0, 1, 2, listener, *(descriptor for _, descriptor in wanted)})
    process.settle()
    process.limit(config["processes"])
    for port, descriptor in wanted:
        doors.open_door(port, descriptor)
    Server(socket.socket(fileno=listener), config["directory"]).run()

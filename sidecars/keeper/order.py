"""What the keeper is told to keep: a line of JSON over a Unix socket, and with the spaces after it the open files. And
what it tells its launcher: lines of JSON on standard output."""

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

_LONGEST = 1 << 20
_AT_ONCE = 8
_STDOUT = 1
_CLOSED_AT_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # macOS has none; nothing is started there


def heard(descriptor: int) -> dict[str, Any]:
    """The order, once all the files that it names are open under their numbers, which are above those of a process
    that has just begun. Whoever orders says nothing more before it has its answer, so nothing is lost that comes after.

    Raises OSError, ValueError, KeyError.
    """
    with socket.socket(fileno=os.dup(descriptor)) as line:
        said, files = b"", list[int]()
        while b"\n" not in said:
            said += _more(line, files)
        order: dict[str, Any] = json.loads(said)
        for number in order["descriptors"]:
            while not files:
                _more(line, files)
            received = files.pop(0)
            os.dup2(received, number, inheritable=False)
            os.close(received)
        return order


def tell_launcher(message: Mapping[str, object]) -> None:
    """Says it to nobody where the launcher is gone or listens no more."""
    try:
        os.write(_STDOUT, json.dumps(message).encode() + b"\n")
    except OSError:
        pass


def _more(line: socket.socket, files: list[int]) -> bytes:
    data, descriptors, flags, _ = socket.recv_fds(line, _LONGEST, _AT_ONCE, _CLOSED_AT_EXEC)
    files += descriptors
    if flags & socket.MSG_CTRUNC:
        raise ValueError("more files are needed than a process may have open here")
    if not data:
        raise ValueError("the launcher went away")
    return data

"""What the keeper is told to keep: a line of JSON over a Unix socket, and with the spaces after it the open files."""

import json
import os
import socket
from typing import Any

_LONGEST = 1 << 20
_AT_ONCE = 8
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


def _more(line: socket.socket, files: list[int]) -> bytes:
    data, descriptors, flags, _ = socket.recv_fds(line, _LONGEST, _AT_ONCE, _CLOSED_AT_EXEC)
    files += descriptors
    if flags & socket.MSG_CTRUNC:
        raise ValueError("more files are needed than a process may have open here")
    if not data:
        raise ValueError("the launcher went away")
    return data

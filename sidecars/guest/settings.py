"""What holds for every command of the agent's, settled once: its environment, its limits, and who is called how."""

import base64
import ctypes
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from sidecars.guest.frames import DamagedError
from sidecars.init import process

FOLDER = "/run/bottle"
FILE = f"{FOLDER}/settings"
"""In memory, and root's alone: values of the environment must not be on the machine's disk."""

NUMBER = 1000
_DOOR_SECONDS = 10.0
_GLANCE = 0.02
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAPABILITIES = 64
_INSTRUCTION = 8


def settle(asked: dict[str, Any]) -> None:
    """Keeps `{"env", "directory", "processes", "filter"}`, writes `{"files": {PATH: TEXT}}`, and waits until something
    listens at each of `{"ports"}`. Raises OSError, DamagedError."""
    try:
        kept = {name: asked[name] for name in ("env", "directory", "processes", "filter")}
        files, ports = dict(asked["files"]), list(asked["ports"])
    except (KeyError, TypeError, ValueError):
        raise DamagedError from None
    Path(FOLDER).mkdir(mode=0o700, exist_ok=True)
    _write(FILE, json.dumps(kept), 0o600)
    for path, text in files.items():
        _write(path, text, 0o644)
    deadline = time.monotonic() + _DOOR_SECONDS
    for port in ports:
        _wait_for(port, deadline)


class Settings:
    """What `settle` kept."""

    def __init__(self) -> None:
        """Raises OSError, DamagedError."""
        kept = json.loads(Path(FILE).read_text(encoding="utf-8"))
        self.env: dict[str, str] = kept["env"]
        self.directory: str = kept["directory"]
        self._processes: int = kept["processes"]
        self._filter = base64.b64decode(kept["filter"])

    def become_agent(self) -> None:
        """No root, no capability and no way back to one; the system calls that the filter lets through. Raises OSError.

        Not to be repeated.
        """
        library = ctypes.CDLL(None, use_errno=True)
        for capability in range(_CAPABILITIES):
            library.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # beyond the last one it fails, and may
        os.setgroups([])
        os.setresgid(NUMBER, NUMBER, NUMBER)
        os.setresuid(NUMBER, NUMBER, NUMBER)
        process.limit(self._processes)
        _check(library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(_Program.of(self._filter)), 0, 0))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    @classmethod
    def of(cls, code: bytes) -> "_Program":
        return cls(len(code) // _INSTRUCTION, code)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"the agent's privileges cannot be taken away: {os.strerror(number)}")


def _write(path: str, text: str, mode: int) -> None:
    """In place: what is mounted there cannot be replaced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _wait_for(port: int, deadline: float) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), _DOOR_SECONDS).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_GLANCE)
        else:
            return

"""`main relay PATH=PORT ...` carries connections; `main` alone answers one request that comes over standard input."""

import json
import os
import sys

from sidecars.guest import frames
from sidecars.guest.frames import DamagedError, Frames
from sidecars.init import process

_CHUNK = 65536
_REFUSED = 2


def main() -> None:
    """The program. Whoever ends it ends the command too: that is in a session of its own, and would live on."""
    if sys.argv[1:2] == ["relay"]:
        from sidecars.guest.relay import relay

        relay(dict(_door(word) for word in sys.argv[2:]))
        return
    worker = os.fork()
    if worker:
        os.close(0)
        os.close(1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    os.setsid()
    process.settle()
    _answer()
    os._exit(0)


def _answer() -> None:
    """One request, {"do": "settle", "run" or "empty", ...}."""
    pieces = Frames()
    try:
        head, early = _head(pieces)
        frames.send(1, frames.BEGAN)
        _do(head, pieces, early)
    except DamagedError:
        _over({"error": "what was asked makes no sense"})
    except OSError as error:
        place = f"{error.filename}: " if isinstance(error.filename, str) else ""
        _over({"error": f"{place}{error.strerror or error}"})


def _do(head: dict[str, object], pieces: Frames, early: list[tuple[bytes, bytes]]) -> None:
    match head.get("do"):
        case "settle":
            from sidecars.guest.settings import settle

            settle(head)
            _over({"status": 0})
        case "empty":
            from sidecars.guest.ending import empty

            empty()
            _over({"status": 0})
        case "run":
            from sidecars.guest.session import Session

            _over(Session(head).run(pieces, early))
        case _:
            raise DamagedError


def _head(pieces: Frames) -> tuple[dict[str, object], list[tuple[bytes, bytes]]]:
    """The request, and what came right behind it. Raises DamagedError."""
    while True:
        data = os.read(0, _CHUNK)
        if not data:
            raise DamagedError
        if found := pieces.feed(data):
            kind, content = found[0]
            if kind != frames.HEAD:
                raise DamagedError
            return frames.document(content), found[1:]


def _over(how: dict[str, object]) -> None:
    try:
        frames.send(1, frames.OVER, json.dumps(how).encode())
    except OSError:
        os._exit(_REFUSED)  # nobody waits for it any more


def _door(word: str) -> tuple[int, str]:
    path, _, port = word.rpartition("=")
    return int(port), path

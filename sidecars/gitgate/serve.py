"""One request of the agent's git, from its body through `git http-backend` (git-http-backend(1)) to its answer."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from attrs import frozen

from sidecars.gitgate import git, limits

_CHUNK = 65536
_LONGEST_HEAD = 16384


@frozen
class Call:
    """What the agent's git asks for, in words that were looked at. `repository` is a directory's name."""

    root: str
    repository: str
    method: str
    tail: str
    query: str
    content_type: str = ""
    content_encoding: str = ""
    protocol: str = ""


class BrokenError(Exception):
    """The answer broke off, or none came."""


def answer(
    call: Call, body: Iterator[bytes], more: Mapping[str, str], begin: Callable[[int, str], Callable[[bytes], None]]
) -> None:
    """Passes the answer on: `begin` gets its status and type, and gives what its content is written with.

    Raises BrokenError, and OSError when the agent goes away; git is ended then.
    """
    process = git.start(["git", "http-backend"], git.environment({**_variables(call), **more}))
    clock = threading.Timer(limits.SERVE_SECONDS, git.end, (process,))
    clock.daemon = True
    clock.start()
    feeder = threading.Thread(target=_feed, args=(process.stdin, body), name="body", daemon=True)
    feeder.start()
    try:
        if process.stdout is None:
            raise BrokenError
        status, content_type = _head(process.stdout)
        write = begin(status, content_type)
        while piece := process.stdout.read1(_CHUNK):  # type: ignore[attr-defined]
            write(piece)
        if process.wait() != 0:
            raise BrokenError
    finally:
        clock.cancel()
        git.end(process)


def _variables(call: Call) -> dict[str, str]:
    """As CGI has it (RFC 3875), and git's own."""
    return {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "GIT_PROJECT_ROOT": call.root,
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": call.protocol,
        "PATH_INFO": f"/{call.repository}/{call.tail}",
        "QUERY_STRING": call.query,
        "REQUEST_METHOD": call.method,
        "REMOTE_USER": "agent",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": call.content_type,
        **({"HTTP_CONTENT_ENCODING": call.content_encoding} if call.content_encoding else {}),
    }


def _feed(stdin: IO[bytes] | None, body: Iterator[bytes]) -> None:
    """A body that breaks off ends the input early, and git refuses what is incomplete."""
    if stdin is None:
        return
    try:
        for piece in body:
            stdin.write(piece)
    except (OSError, ValueError):
        pass  # the agent went away, sent nonsense, or git wants no more
    finally:
        try:
            stdin.close()
        except OSError:
            pass


def _head(output: IO[bytes]) -> tuple[int, str]:
    fields: dict[str, str] = {}
    while (line := output.readline(_LONGEST_HEAD)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        fields[name.strip().lower()] = value.strip()
    if "content-type" not in fields and "status" not in fields:
        raise BrokenError
    status = fields.get("status", "200").split()[0]
    return int(status) if status.isdecimal() else 500, fields.get("content-type", "text/plain")

"""Where git's hook asks: a socket of the gate's own, at which each push is known by a word that only its git has."""

import json
import secrets
import shlex
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bottle.domain.gitgate import RefUpdate
from sidecars.gitgate import hook
from sidecars.gitgate.git import python
from sidecars.gitgate.judge import Judge, Push
from sidecars.gitgate.mirror import Mirror

_LONGEST = 16 * 1024**2


class Hooks:
    """The pushes under way, and the answers to their hooks."""

    def __init__(self, folder: Path, judge: Judge) -> None:
        """Writes the hook into `folder`, makes the socket beside it, and answers from now on. Raises OSError."""
        self.folder = folder
        self.judge = judge
        self._socket = folder / "socket"
        self._pushes: dict[str, Mirror] = {}
        _write_hook(folder / "pre-receive")
        self._server = _Server(str(self._socket), _Visit)
        self._server.hooks = self
        threading.Thread(target=self._server.serve_forever, name="hooks", daemon=True).start()

    @contextmanager
    def push(self, mirror: Mirror) -> Iterator[dict[str, str]]:
        """The environment for the git that receives a push."""
        word = secrets.token_hex(16)
        self._pushes[word] = mirror
        try:
            yield {"GATE_PUSH": word, "GATE_SOCKET": str(self._socket)}
        finally:
            del self._pushes[word]

    def pushed(self, question: dict[str, str]) -> Push:
        """What a hook asks about. Raises ValueError, KeyError."""
        mirror = self._pushes[question["push"]]
        # A push that brings no objects has no quarantine.
        quarantine = Path(question["quarantine"]) if question["quarantine"] else None
        if quarantine is not None and quarantine.parent != mirror.repository.path / "objects":
            raise ValueError("no quarantine of this repository")
        return Push(mirror, quarantine, tuple(RefUpdate.parse(line) for line in question["updates"].splitlines()))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    hooks: Hooks

    def handle_error(self, request: object, client_address: object) -> None:
        """A hook that went away, with its git, wants no answer."""


class _Visit(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            push = self.server.hooks.pushed(json.loads(self.rfile.readline(_LONGEST)))
        except (ValueError, KeyError, TypeError):
            self.wfile.write(b"git gate: the push is not understood\n" + hook.REFUSED)
            return
        accepted = self.server.hooks.judge.judge(push, self._say)
        self.wfile.write(hook.ACCEPTED if accepted else hook.REFUSED)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode(errors="replace") + b"\n")


def _write_hook(path: Path) -> None:
    program = shlex.join(python(str(Path(hook.__file__))))
    path.write_text(f"#!/bin/sh\nexec {program}\n", encoding="utf-8")
    path.chmod(0o700)

"""Starts the gate and serves until it is told to end."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from bottle.domain.gitgate import served_path
from bottle.domain.gitgate_config import SEED, GateRemote, GateStart, parse_gate
from bottle.domain.listen import Listen
from bottle.domain.names import agent_of
from bottle.domain.strict_json import ConfigError
from sidecars.gitgate.git import ProgramError
from sidecars.gitgate.gitleaks import Gitleaks
from sidecars.gitgate.hooks import Hooks
from sidecars.gitgate.judge import Judge
from sidecars.gitgate.mirror import Mirror
from sidecars.gitgate.patterns import patterns_of
from sidecars.gitgate.results import Results
from sidecars.gitgate.scanner import GateScanner
from sidecars.gitgate.server import Gate
from sidecars.gitgate.trail import Trail
from sidecars.gitgate.upstream import Way
from sidecars.host import handed
from sidecars.host.answers import ready, reject
from sidecars.host.privacy import keep_to_itself

_LONGEST = 16 * 1024**2
_BACKLOG = 64


def build(start: GateStart) -> Gate:
    """The whole gate, listening. Raises ConfigError, OSError, ProgramError."""
    state = Path(start.state)
    for name in ("hooks", "keys", "repositories", "search"):
        (state / name).mkdir(mode=0o700, exist_ok=True)
    trail = Trail(Path(start.audit), start.identity)
    gitleaks = Gitleaks(start.gitleaks, state / "search")
    key = agent_of(start.identity).encode()
    scanner = GateScanner(gitleaks, _withheld(start), patterns_of(start), key=key, approved=start.scanning.approved)
    hooks = Hooks(state / "hooks", Judge(scanner, trail, Results(Path(start.audit)).keep))
    mirrors = {
        served_path(remote.host, remote.remote): _mirror(number, remote, state, hooks, start)
        for number, remote in enumerate(start.remotes)
    }
    seed = Path(start.audit) / SEED
    for mirror in mirrors.values():
        if mirror.is_local and seed.is_file():
            mirror.begin_with(seed)
    return Gate(_listener(start.listen), mirrors, hooks, trail)


def main() -> int:
    """The program: a document on standard input, an answer on standard output, and then git's requests.

    Exit status 1 for a document that cannot be served.
    """
    keep_to_itself()
    os.umask(0o077)
    try:
        start = parse_gate(json.loads(sys.stdin.buffer.readline(_LONGEST)))
        gate = build(start)
    except (ConfigError, ProgramError) as error:
        return reject(str(error))
    except ValueError:
        return reject("the line is no JSON document")
    except OSError as error:
        return reject(error.strerror or "the system refused")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    threading.Thread(target=gate.serve_forever, name="gate", daemon=True).start()
    ready()
    _wait(tied=start.tied)
    os._exit(0)


def _mirror(number: int, remote: GateRemote, state: Path, hooks: Hooks, start: GateStart) -> Mirror:
    way = Way(remote, state / "keys" / str(number), start.roots, start.proxy)
    return Mirror(remote, state / "repositories" / f"{number}.git", way, hooks.folder)


def _withheld(start: GateStart) -> list[str]:
    """The gate's own secrets too: of a key, each line that says more than what it is."""
    lines = [line for remote in start.remotes for line in remote.secret.splitlines() if "-----" not in line]
    proxy = [] if start.proxy is None else [start.proxy.password]
    return [*start.withheld, *(line for line in (*lines, *proxy) if len(line) >= 8)]


def _listener(listen: Listen) -> socket.socket:
    """Raises ConfigError, OSError."""
    if listen.handed is not None:
        return handed.take(listen.handed)
    return socket.create_server((listen.host, listen.port), backlog=_BACKLOG)


def _wait(*, tied: bool) -> None:
    """For the end of standard input where the gate is tied to it, else for a signal."""
    while os.read(0, 65536):
        pass
    if not tied:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())

"""Calling the operator: a notification on the desktop, and the command that `BOT_BOTTLE_NOTIFY` names.

The agent's words go down the command's standard input, as JSON, and into no argument: arguments are seen by every
process of the host, and some programs obey what stands in them.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from shutil import which

from bottle.adapters import process
from bottle.domain.supervise import Asked
from bottle.domain.supervise_files import wish_document

VARIABLE = "BOT_BOTTLE_NOTIFY"
_SECONDS = 15.0
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")


class OperatorNotifier:
    """ports.Notifier. `variables` is the environment of whoever watches."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def notify(self, asked: Asked) -> Sequence[str]:
        proposal = asked.proposal
        told = {
            "id": proposal.id,
            "identity": proposal.identity,
            "kind": proposal.kind,
            "title": proposal.title,
            "why": proposal.why,
            "wish": wish_document(proposal.wish),
            "show": f"bottle supervise show {proposal.id}",
            "approve": f"bottle supervise approve {proposal.id}",
            "reject": f"bottle supervise reject {proposal.id} --reason TEXT",
        }
        complaints = []
        for name, argv in (("the desktop", self._desktop(asked)), (VARIABLE, self._command())):
            if argv and (fault := _run(argv, json.dumps(told).encode() + b"\n")):
                complaints.append(f"{name}: {fault}")
        return complaints

    def _command(self) -> Sequence[str]:
        try:
            return shlex.split(self._variables.get(VARIABLE, ""))
        except ValueError:
            return [self._variables[VARIABLE]]  # cannot be run either, which is then said

    def _desktop(self, asked: Asked) -> Sequence[str]:
        program = which("notify-send")
        if program is None or not any(self._variables.get(name) for name in _DESKTOP):
            return []
        proposal = asked.proposal
        return [
            *(program, "--app-name=bottle", f"{proposal.identity} asks"),
            f"{proposal.kind}: bottle supervise show {proposal.id}",
        ]


def _run(argv: Sequence[str], stdin: bytes) -> str:
    """What went wrong, or nothing."""
    try:
        done = process.run(argv, timeout=_SECONDS, stdin=stdin)
    except TimeoutError:
        return f"did not end within {_SECONDS:.0f} seconds"
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    return f"ended with status {done.status}" if done.status else ""

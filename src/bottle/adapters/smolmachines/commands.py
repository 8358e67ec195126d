"""What a bottle asks of its machine: run, attach, and what is settled before the agent comes."""

import select
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from bottle.adapters import terminal
from bottle.adapters.conversing import Outputs, converse
from bottle.adapters.relay import STDERR, STDIN, STDOUT, join
from bottle.adapters.smolmachines.conversation import Conversation, begun
from bottle.adapters.smolmachines.smolvm import Smolvm
from bottle.app.ports import ExecResult, Heard
from bottle.domain.errors import BackendError, TimeIsUpError

_WORK_SECONDS = 30.0
_PARTING_SECONDS = 2.0
_USUAL_SIZE = (24, 80)


def run(
    smolvm: Smolvm,
    machine: str,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float = 60,
    heard: Heard | None = None,
) -> ExecResult:
    """The command's status and outputs, these in pieces to `heard` where that is given.

    Raises BackendError when the box is gone, TimeIsUpError; then the command is ended.
    """
    deadline = time.monotonic() + timeout
    with closing(begun(smolvm, machine, {"do": "run", "argv": list(argv)})) as command:
        outputs = Outputs()
        try:
            converse(command, stdin, deadline, heard or outputs.take)
        except TimeoutError:
            raise TimeIsUpError(f"`{argv[0]}` did not end within {timeout:g} seconds") from None
        return ExecResult(command.result(), bytes(outputs.of[STDOUT]), bytes(outputs.of[STDERR]))


def attach(smolvm: Smolvm, machine: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs the command with this process's standard streams and returns its status; `env` is what a terminal's
    programs want to know of it. Raises BackendError when the box goes away."""
    head: dict[str, object] = {"do": "run", "argv": list(argv)}
    if as_terminal := terminal.is_terminal(STDIN):
        head |= {"env": dict(env), "terminal": terminal.size(STDIN) or _USUAL_SIZE}
    with closing(begun(smolvm, machine, head)) as command:
        try:
            join(command, as_terminal=as_terminal)
        except KeyboardInterrupt as interruption:
            command.pass_on(interruption)
            _see_off(command)
            raise
        return command.result()


def settle(smolvm: Smolvm, machine: str, settings: Mapping[str, object]) -> None:
    """Tells the guest what holds for every command (sidecars/guest/settings.py). Raises BackendError."""
    _done(smolvm, machine, {"do": "settle", **settings}, "settled")


def empty(smolvm: Smolvm, machine: str) -> None:
    """Ends all that the agent runs. Raises BackendError."""
    _done(smolvm, machine, {"do": "empty"}, "emptied")


def _done(smolvm: Smolvm, machine: str, head: Mapping[str, object], what: str) -> None:
    """The guest's own work: no command of the agent's."""
    with closing(begun(smolvm, machine, head)) as command:
        try:
            converse(command, b"", time.monotonic() + _WORK_SECONDS, lambda _stream, _content: None)
        except TimeoutError:
            raise BackendError(f"the box could not be {what} in time") from None
        if command.result():
            raise BackendError(f"the box could not be {what}")


def _see_off(command: Conversation) -> None:
    """A moment for a command that was interrupted. What it says is taken, but no longer shown."""
    deadline = time.monotonic() + _PARTING_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select(command.outputs, [], [], min(command.prepare(), left))
        try:
            if any(command.read(descriptor) is None for descriptor in readable):
                return
        except (BackendError, OSError):
            return

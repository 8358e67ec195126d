"""What a bottle asks of the box's first process: run, attach, furnish, and the agent's environment."""

import os
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from bottle.adapters import terminal
from bottle.adapters.bubblewrap.messages import ANSWER_SECONDS, Session, nonsense, told
from bottle.adapters.bubblewrap.running import PipedCommand, TerminalCommand
from bottle.adapters.conversing import Outputs, converse
from bottle.adapters.relay import STDERR, STDIN, STDOUT, join, write
from bottle.app.ports import ExecResult, Heard
from bottle.domain.errors import BackendError, ProvisionError, TimeIsUpError

_FURNISH_SECONDS = 60.0
_PARTING_SECONDS = 2.0


def run(
    path: Path,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float = 60,
    cwd: str | None = None,
    heard: Heard | None = None,
) -> ExecResult:
    """The command's status and outputs, these in pieces to `heard` where that is given; it runs in the bottle's own
    directory unless `cwd` names one.

    Raises BackendError when the box is gone, TimeIsUpError; then the command is ended.
    """
    deadline = time.monotonic() + timeout
    with closing(PipedCommand(path, argv, cwd)) as command:
        outputs = Outputs()
        try:
            converse(command, stdin, deadline, heard or outputs.take)
        except TimeoutError:
            raise TimeIsUpError(f"`{argv[0]}` did not end within {timeout:g} seconds") from None
        complaint = f"{command.complaint}\n".encode() if command.complaint else b""
        return ExecResult(command.result(), bytes(outputs.of[STDOUT]), bytes(outputs.of[STDERR]) + complaint)


def attach(path: Path, argv: Sequence[str], env: Mapping[str, str], *, cwd: str | None = None) -> int:
    """Runs the command with this process's standard streams and returns its status; `env` is what a terminal's
    programs want to know of it. Raises BackendError when the box goes away."""
    as_terminal = terminal.is_terminal(STDIN)
    command = TerminalCommand(path, argv, cwd, env) if as_terminal else PipedCommand(path, argv, cwd)
    with closing(command):
        try:
            join(command, as_terminal=as_terminal)
        except KeyboardInterrupt as interruption:
            command.pass_on(interruption)
            _see_off(command)
            raise
        if command.complaint:
            write(STDERR, f"{command.complaint}\n".encode())
        return command.result()


def furnish(path: Path, tar: Iterator[bytes]) -> None:
    """Unpacks the archive in the box: below the agent's own places, as the agent's user.

    Raises ProvisionError for what cannot be unpacked, BackendError when the box is gone or takes nothing any more.
    """
    with ExitStack() as stack:
        reader, descriptor = os.pipe()
        writer = stack.enter_context(os.fdopen(descriptor, "wb", buffering=0))
        try:
            session = stack.enter_context(closing(Session(path, {"do": "furnish"}, [reader])))
        finally:
            os.close(reader)
        os.set_blocking(descriptor, False)
        for chunk in tar:
            if not _poured(chunk, descriptor):
                break
        writer.close()
        answer = session.wait(time.monotonic() + _FURNISH_SECONDS)
        if "error" in answer:
            raise ProvisionError(f"the box could not be furnished: {told(answer['error'])}")
        _require_ok(answer)


def set_environment(path: Path, values: Mapping[str, str]) -> None:
    """The environment of every command from now on. Raises BackendError."""
    with closing(Session(path, {"do": "environment", "values": dict(values)})) as session:
        answer = session.wait(time.monotonic() + ANSWER_SECONDS)
        if "error" in answer:
            raise BackendError(f"the box did not take its environment: {told(answer['error'])}")
        _require_ok(answer)


def empty(path: Path) -> None:
    """Ends all that runs in the box but its first process. Raises BackendError."""
    with closing(Session(path, {"do": "empty"})) as session:
        _require_ok(session.wait(time.monotonic() + ANSWER_SECONDS))


def _see_off(command: PipedCommand | TerminalCommand) -> None:
    """A moment for a command that was interrupted. What it says is taken, or it would die of saying it, but no longer
    shown: whoever should read it may be what hangs."""
    deadline = time.monotonic() + _PARTING_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select(command.outputs, [], [], min(command.prepare(), left))
        if not readable and not command.goes_on():
            return
        try:
            if any(command.read(descriptor) is None for descriptor in readable):
                return
        except BackendError:
            return


def _poured(chunk: bytes, writer: int) -> bool:
    """Whether the box took the chunk. Raises BackendError when it takes nothing for too long."""
    view = memoryview(chunk)
    while view:
        if not select.select([], [writer], [], _FURNISH_SECONDS)[1]:
            raise BackendError("the box takes nothing any more")
        try:
            view = view[os.write(writer, view) :]
        except BlockingIOError:
            continue
        except BrokenPipeError:
            return False
    return True


def _require_ok(answer: Mapping[str, object]) -> None:
    if answer.get("ok") is not True:
        raise nonsense()

"""Starts what one bottle consists of, passes documents to its sidecars, and ends all of it together.

Standard input is a Unix socket. A line of JSON comes that says what to start, and with the spaces after it the open
files for that; and then it is the lifeline: when it closes, the launcher is gone and the bottle ends with it, unless
the launcher said before that it leaves the bottle running. Standard output has a
line for each thing that the launcher waits for. Whoever else has business here connects to the control socket.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

from sidecars.host.privacy import keep_to_itself
from sidecars.keeper import memory, order, premises
from sidecars.keeper.control import Visitor
from sidecars.keeper.log import Log
from sidecars.keeper.memory import Watch
from sidecars.keeper.premises import Premises
from sidecars.keeper.programs import Program
from sidecars.keeper.staging import become

_LIFELINE = 0
_STOP_SECONDS = 3.0
_UNSENT_SECONDS = 0.05
_MOST_VISITORS = 16
_LONGEST_LINE = 65536
_LAST_WORDS = 200


class Keeper:
    """What was asked for, running."""

    def __init__(self, spec: dict[str, Any], place: Premises) -> None:
        """Starts everything. Raises OSError, and then nothing runs."""
        self._premises = place
        self._log = Log(f"{spec['runtime']}/sidecar.log")
        self._listener = socket.socket(fileno=spec["control"])
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._programs: dict[str, Program] = {}
        self._pending: dict[str, list[Visitor | None]] = {}
        self._lines: dict[str, bytes] = {}
        self._last: dict[str, str] = {}
        self._visitors: dict[Visitor, None] = {}
        self._asked = b""
        self._left = False
        self._over = False
        self._stopped_by: list[Visitor] = []
        self._listen_for_signals()
        try:
            for program in spec["programs"]:
                self._start(program)
        except OSError:
            self._end()
            raise
        self._watch(self._listener, self._accept)
        self._watch(_LIFELINE, self._hear_launcher)
        self._memory = Watch(self._programs["box"].inner, spec["memory"]) if spec["memory"] else None

    def run(self) -> None:
        """Until the launcher is gone, somebody asks for the end, or the box ends."""
        try:
            while not self._over:
                for key, events in self._selector.select(self._patience()):
                    key.data(events)
                for program in self._programs.values():
                    program.flush()
                if self._premises.are_lost():
                    self._over = True
                if self._memory is not None:
                    self._log.append(self._memory.look().encode())
        finally:
            self._end()

    # Programs.

    def _start(self, spec: dict[str, Any]) -> None:
        program = Program(spec)
        self._programs[program.name] = program
        self._lines[program.name], self._last[program.name] = b"", ""
        self._watch(program.output, lambda _: self._hear(program))
        self._watch(program.handle, lambda _: self._ended(program))
        if (document := spec.get("document")) is not None:
            self._pending[program.name] = []
            self._ask(program, document, None)

    def _ask(self, program: Program, document: object, visitor: Visitor | None) -> None:
        """Passes a document on; its answer goes to the visitor, or to the launcher. Raises RecursionError."""
        line = json.dumps(document).encode() + b"\n"
        self._pending[program.name].append(visitor)
        program.write(line)

    def _hear(self, program: Program) -> None:
        data = program.read()
        if data is None:
            return
        if not data:
            self._forget(program.output)
            return
        self._log.append(data)
        *lines, rest = (self._lines[program.name] + data).split(b"\n")
        self._lines[program.name] = rest[-_LONGEST_LINE:]
        self._last[program.name] = (rest or lines[-1])[-_LAST_WORDS:].decode(errors="replace")
        for line in lines:
            if _is_answer(line):
                self._answer(program, {"event": "answer", "program": program.name, "answer": json.loads(line)})

    def _answer(self, program: Program, message: dict[str, Any]) -> None:
        if not self._pending.get(program.name):
            return
        visitor = self._pending[program.name].pop(0)
        if visitor is None:
            order.tell_launcher(message)
        else:
            visitor.answer(message)

    def _ended(self, program: Program) -> None:
        """A sidecar that ends leaves the box without it; with the box, all is over."""
        self._forget(program.handle)
        self._hear(program)
        message = {"event": "ended", "program": program.name, "said": self._last[program.name]}
        while self._pending.get(program.name):
            self._answer(program, message)
        if program.name == "box":
            order.tell_launcher(message)
            self._over = True

    def _patience(self) -> float:
        """How long nothing need be looked at."""
        if any(program.has_unsent for program in self._programs.values()):
            return _UNSENT_SECONDS
        return memory.SECONDS if self._memory is not None else premises.SECONDS

    # The launcher and visitors.

    def _hear_launcher(self, _events: int) -> None:
        data = os.read(_LIFELINE, 4096)
        self._asked = (self._asked + data)[-4096:]
        if b"leave\n" in self._asked and not self._left:
            self._left = True
            order.tell_launcher({"event": "left"})
        if not data:
            self._selector.unregister(_LIFELINE)
            self._over = self._over or not self._left

    def _accept(self, _events: int) -> None:
        """Of those who have not said yet what they want, the one who came first makes room."""
        if len(self._visitors) >= _MOST_VISITORS:
            self._turn_to(next(iter(self._visitors))).connection.close()
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        visitor = Visitor(connection)
        self._visitors[visitor] = None
        self._watch(connection, lambda _: self._hear_visitor(visitor))

    def _turn_to(self, visitor: Visitor) -> Visitor:
        """Listens to it no more."""
        del self._visitors[visitor]
        self._selector.unregister(visitor.connection)
        return visitor

    def _hear_visitor(self, visitor: Visitor) -> None:
        if visitor not in self._visitors or (request := visitor.read()) is None:
            return
        self._turn_to(visitor)
        match request.get("do"):
            case "stop":
                self._over = True
                self._stopped_by.append(visitor)
            case "programs":
                running = [name for name, program in self._programs.items() if program.status is None]
                visitor.answer({"event": "programs", "running": running})
            case "configure" if str(request.get("program")) in self._pending:
                self._configure(self._programs[str(request["program"])], request.get("document"), visitor)
            case _:
                visitor.answer({"event": "refused"})

    def _configure(self, program: Program, document: object, visitor: Visitor) -> None:
        if program.status is not None:
            visitor.answer({"event": "ended", "program": program.name})
            return
        if len(self._pending[program.name]) >= _MOST_VISITORS:  # it does not answer
            visitor.answer({"event": "refused"})
            return
        try:
            self._ask(program, document, visitor)
        except RecursionError:
            visitor.answer({"event": "refused"})

    # The end.

    def _listen_for_signals(self) -> None:
        """A signal alone ends no wait (PEP 475): it has to write something."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        self._watch(reader, lambda _: os.read(reader, 1))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_end)

    def _asked_to_end(self, _number: int, _frame: object) -> None:
        self._over = True

    def _end(self) -> None:
        """The box first, which nobody need ask; then sidecars at work, which have something to write down."""
        for program in self._programs.values():
            if program.name in self._pending and None not in self._pending[program.name]:
                program.terminate()
            else:
                program.kill()
        deadline = time.monotonic() + _STOP_SECONDS
        for program in self._programs.values():
            program.wait(deadline - time.monotonic())
            program.kill()
        self._premises.remove()
        for visitor in self._stopped_by:
            visitor.answer({"event": "stopped"})

    def _forget(self, source: int) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _watch(self, source: int | socket.socket, heard: Any) -> None:
        self._selector.register(source, selectors.EVENT_READ, heard)


def main() -> None:
    """The program. Exit status 0 when it has ended the bottle, 1 when it could not start it."""
    if os.fork():
        os._exit(0)  # the launcher has nobody to wait for, however long this goes on
    keep_to_itself()
    try:
        spec = order.heard(_LIFELINE)
        place = Premises(spec["runtime"])
        if spec["become"] is not None:
            become(spec["become"]["number"], spec["become"]["reachable"])
        keeper = Keeper(spec, place)
    except (OSError, ValueError, KeyError) as error:
        order.tell_launcher(
            {"event": "failed", "reason": f"{type(error).__name__}: {getattr(error, 'strerror', '') or ''}"}
        )
        sys.exit(1)
    order.tell_launcher({"event": "started"})
    keeper.run()
    os._exit(0)  # whoever ends it waits until it is gone


def _is_answer(line: bytes) -> bool:
    """Whether a sidecar's line answers a document (sidecars/egress/control.py)."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("event") in {"ready", "rejected"}

"""The host's side of a bottle's keeper (sidecars/keeper): starting it, asking it things, letting go of it."""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bottle.adapters.bubblewrap import interpreter
from bottle.adapters.bubblewrap.runtime import Runtime, is_keeper
from bottle.adapters.process import Companion
from bottle.app.ports import Stopping
from bottle.domain.errors import BackendError

BOX = "box"
WAY_OUT = "egress"
"""Names of the programs that every keeper runs."""

_GLANCE = 0.05
_CHUNK = 65536
_ANSWER_SECONDS = 15.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 3.0
_KILL_SECONDS = 5.0
_LAST_WORDS = 200


class Lifeline:
    """The launcher's own connection to a keeper. While it is open and nothing else was said, the bottle lives."""

    def __init__(self, scope: Sequence[str] = (), program: str = "sidecars.keeper.main") -> None:
        """Starts a keeper that has nothing to keep yet, in a control group of its own where `scope` makes one;
        `program` is one that lives and answers as a keeper does.

        Raises BackendError.
        """
        command = [*scope, *interpreter.on_the_host(program)]
        try:
            self._keeper = Companion(command, env={})
        except OSError as error:
            raise BackendError(f"the bottle's keeper could not be started: {error.strerror}") from error
        self._heard = self._complaint = b""
        self._is_left = False

    def order(self, spec: Mapping[str, object], descriptors: Sequence[int]) -> None:
        """Has it start a bottle with these descriptors (of `Descriptors`). Once. Raises BackendError."""
        line = json.dumps({**spec, "descriptors": list(descriptors)}).encode() + b"\n"
        try:
            self._keeper.say(line)
            self._keeper.hand(descriptors)
        except OSError as error:
            raise BackendError(f"the bottle's keeper ended{self._last_words()}") from error

    def wait_for(self, event: str, deadline: float, stopping: Stopping) -> dict[str, Any]:
        """The next thing that the keeper says, which must be this.

        Raises BackendError for another event, at the deadline (monotonic), and when the launch is asked to end.
        """
        while time.monotonic() < deadline:
            if stopping():
                raise BackendError("the launch was asked to end")
            message = self._next(_GLANCE)
            if message is not None:
                if message.get("event") != event:
                    raise BackendError(_what_happened(message))
                return message
        raise BackendError("the bottle's keeper did not answer in time")

    def leave(self) -> None:
        """From now on the bottle lives without this process. May be repeated. Raises BackendError."""
        if not self._is_left:
            self._say(b"leave\n")
            self.wait_for("left", time.monotonic() + _ANSWER_SECONDS, lambda: False)
            self._is_left = True

    def cut(self) -> None:
        """Lets go, and waits until the keeper has ended what it kept, unless it was left. May be repeated."""
        self._keeper.hang_up()
        deadline = time.monotonic() + _ANSWER_SECONDS
        try:
            while time.monotonic() < deadline:
                self._next(_GLANCE)
        except BackendError:
            return  # it has ended

    def _next(self, seconds: float) -> dict[str, Any] | None:
        if b"\n" not in self._heard:
            if not select.select([self._keeper.output], [], [], seconds)[0]:
                return None
            data = os.read(self._keeper.output, _CHUNK)
            if not data:
                raise BackendError(f"the bottle's keeper ended{self._last_words()}")
            self._heard += data
            if b"\n" not in self._heard:
                return None
        line, _, self._heard = self._heard.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError:  # no message: what an interpreter says that cannot go on
            self._complaint = line
            return None
        return message if isinstance(message, dict) else {}

    def _last_words(self) -> str:
        while select.select([self._keeper.output], [], [], _GLANCE)[0]:
            data = os.read(self._keeper.output, _CHUNK)
            if not data:
                break
            self._heard += data
        said = (self._heard or self._complaint).decode(errors="replace").strip()[-_LAST_WORDS:]
        return f": {said}" if said else ""

    def _say(self, data: bytes) -> None:
        try:
            self._keeper.say(data)
        except OSError as error:
            raise BackendError("the bottle's keeper ended") from error


def configure(runtime: Runtime, program: str, document: object) -> bytes:
    """Passes a document to a sidecar; its answer, a line of JSON. Raises BackendError when it is gone."""
    message = _ask(runtime, {"do": "configure", "program": program, "document": document})
    if message.get("event") != "answer":
        raise BackendError("the sidecar is gone, and with it the way out", hint="end this bottle and start another")
    return json.dumps(message["answer"]).encode()


def running(runtime: Runtime) -> frozenset[str]:
    """Which programs run: `box` and the sidecars; none when the keeper does not answer."""
    try:
        message = _ask(runtime, {"do": "programs"}, _LOOK_SECONDS)
    except BackendError:
        return frozenset()
    return frozenset(str(name) for name in message.get("running", ()))


def stop(runtime: Runtime) -> None:
    """Ends the bottle; returns when all of it has ended. Raises BackendError when the keeper does not answer."""
    _ask(runtime, {"do": "stop"}, _STOP_SECONDS)


def end(runtime: Runtime) -> None:
    """Ends the bottle, whatever its keeper is still able to do, and removes what is left of it. May be repeated.

    Raises BackendError when something would not go.
    """
    number = runtime.keeper()
    if runtime.is_held():
        try:
            stop(runtime)
        except BackendError:
            _kill(runtime)
    deadline = time.monotonic() + _KILL_SECONDS
    while runtime.is_held() or (number is not None and is_keeper(number)):
        if time.monotonic() > deadline:
            raise BackendError(f"would not go: the keeper of {runtime.identity}", hint="`bottle cleanup` tries again")
        time.sleep(_GLANCE / 10)
    runtime.remove()


def _kill(runtime: Runtime) -> None:
    """What a killed keeper started dies with it: the kernel sees to that."""
    number = runtime.keeper()
    if number is not None:
        try:
            os.kill(number, signal.SIGKILL)
        except OSError:
            pass  # it went by itself


def _ask(runtime: Runtime, request: Mapping[str, object], seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
    if runtime.is_frozen():
        raise BackendError("the bottle's keeper was stopped, and answers nobody")
    heard = b""
    deadline = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            _connect(connection, runtime, deadline)
            connection.sendall(json.dumps(request).encode() + b"\n")
            while not heard.endswith(b"\n"):
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                data = connection.recv(_CHUNK)
                if not data:
                    raise BackendError("the bottle's keeper hung up")
                heard += data
    except OSError as error:
        raise BackendError(f"the bottle's keeper does not answer: {error.strerror or 'time is up'}") from error
    message = json.loads(heard)
    return message if isinstance(message, dict) else {}


def _connect(connection: socket.socket, runtime: Runtime, deadline: float) -> None:
    """Where many ask at once the line is full for a moment. Raises OSError."""
    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    while True:
        try:
            connection.connect(str(runtime.control))
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_GLANCE / 10)
        else:
            return


def _what_happened(message: Mapping[str, Any]) -> str:
    match message.get("event"):
        case "ended":
            which = "box" if message.get("program") == "box" else "sidecar"
            said = "".join(letter for letter in str(message.get("said", "")) if letter.isprintable())[-_LAST_WORDS:]
            return f"the {which} ended while it was started{': ' if said else ''}{said}"
        case "failed":
            return f"the bottle's keeper could not start it: {message.get('reason')}"
        case _:
            return "the bottle's keeper said something else than was asked"

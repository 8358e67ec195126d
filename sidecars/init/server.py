"""The loop of the first process: clients, children, and deadlines. One thread; nothing in it waits for anybody."""

import functools
import os
import selectors
import signal
import socket
import stat
import time
from collections.abc import Callable
from types import FrameType

from sidecars.init import children, family
from sidecars.init.jobs import Emptying, Ending, Job, Unpacking
from sidecars.init.requests import Run, signal_number, variables
from sidecars.init.wire import BadRequestError, Connection

_LIFELINE = 0
_REQUEST_SECONDS = 30.0
_PAUSE_SECONDS = 0.2
_COMPLAINTS = 20  # more could fill a pipe that nobody reads, and stop this process
_STDERR = 2


class Client:
    """A connection with at most one request; `due` is when that must be there."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.job: Job | None = None
        self.emptying: Emptying | None = None
        self.due = time.monotonic() + _REQUEST_SECONDS


class Server:
    """Owns the listening socket and everything that comes of it."""

    def __init__(self, listener: socket.socket, directory: str) -> None:
        """`directory` is where commands run that name none."""
        listener.setblocking(False)
        self._directory = directory
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._environment: dict[str, str] = {}
        self._clients: set[Client] = set()
        self._jobs: dict[int, Job] = {}
        self._endings: list[Ending | Emptying] = []
        self._paused_until: float | None = None
        self._complaints = _COMPLAINTS

    def run(self) -> None:
        """Serves until standard input ends. What goes wrong with one client is that client's."""
        self._watch_children()
        self._selector.register(_LIFELINE, selectors.EVENT_READ, _end_without_keeper)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while True:
            for key, _ in self._selector.select(self._patience()):
                self._guarded(key.data)
            self._guarded(self._reap)
            self._guarded(self._tell_of_emptiness)
            self._guarded(self._keep_time)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - with this process the whole box would end
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """A fault of ours, by type and place alone: a message or a value could hold a secret."""
        self._complaints -= 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is None or self._complaints < 0:
            return
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        try:
            os.write(_STDERR, f"init: internal error: {type(error).__name__} at {place}\n".encode())
        except OSError:
            pass  # nobody listens

    # Time.

    def _patience(self) -> float | None:
        dues = [client.due for client in self._clients if client.job is None]
        dues += [ending.due for ending in self._endings]
        if self._paused_until is not None:
            dues.append(self._paused_until)
        return max(min(dues) - time.monotonic(), 0) if dues else None

    def _keep_time(self) -> None:
        now = time.monotonic()
        for client in [client for client in self._clients if client.job is None and client.due <= now]:
            self._drop(client)
        self._endings = [ending for ending in self._endings if ending.due > now or ending.kill()]
        if self._paused_until is not None and self._paused_until <= now:
            self._paused_until = None
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    # Clients.

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptor is left for it: it waits in line for better times
            self._selector.unregister(self._listener)
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            return
        client = Client(Connection(link))
        try:
            self._selector.register(link, selectors.EVENT_READ, functools.partial(self._hear, client))
        except OSError:
            link.close()
            raise
        self._clients.add(client)

    def _hear(self, client: Client) -> None:
        if client not in self._clients:
            return  # what was to be read is of a client that was dropped a moment ago
        try:
            if not client.connection.receive():
                self._drop(client)
                return
            while client in self._clients and (document := client.connection.document()) is not None:
                self._take(client, document)
        except BadRequestError as error:
            self._refuse(client, str(error))
        except OSError as error:
            self._refuse(client, f"the box has not got what this takes: {error.strerror}")
        except Exception:
            self._drop(client)
            raise

    def _take(self, client: Client, document: dict[str, object]) -> None:
        if client.job is not None:
            client.job.send(signal_number(document.get("signal")))
            return
        match document.get("do"):
            case "run":
                self._run(client, Run(document))
            case "furnish":
                self._furnish(client)
            case "empty":
                client.connection.take_descriptors(0)
                client.emptying = Emptying()
                self._endings.append(client.emptying)
            case "environment":
                client.connection.take_descriptors(0)
                self._environment = variables(document.get("values"))
                client.connection.answer({"ok": True})
                self._drop(client)
            case _:
                raise BadRequestError("there is no such request")

    def _refuse(self, client: Client, reason: str) -> None:
        client.connection.answer({"error": reason})
        self._drop(client)

    def _drop(self, client: Client) -> None:
        """Forgets the client. A job that it has not seen the end of is ended."""
        if client not in self._clients:
            return
        self._clients.remove(client)
        if client.emptying is not None and client.emptying in self._endings:
            self._endings.remove(client.emptying)
        self._selector.unregister(client.connection.fileno())
        client.connection.close()
        if client.job is not None and client.job.child.pid in self._jobs:
            self._endings += client.job.abandon()

    # Work.

    def _run(self, client: Client, run: Run) -> None:
        mark = os.urandom(8).hex()
        env = {**self._environment, **run.env, family.MARK: mark}
        given = _streams(client.connection, 0 if run.terminal else 3)
        master: tuple[int, ...] = ()
        try:
            if run.terminal:
                terminal, slave = children.open_terminal(*run.terminal)
                master, given = (terminal,), [slave]
            streams, cwd = tuple(given), run.cwd or self._directory
            child = children.fork(lambda: children.become(run.argv, env, cwd, streams), streams)
            self._follow(client, Job(child, f"{family.MARK}={mark}"))
            if not client.connection.answer({"started": child.pid}, master):
                self._drop(client)
        finally:
            _close(*given, *master)

    def _furnish(self, client: Client) -> None:
        given = _streams(client.connection, 1)
        try:
            child = children.fork(lambda: _unpack(given[0]), tuple(given))
        finally:
            _close(*given)
        self._follow(client, Unpacking(child))

    def _follow(self, client: Client, job: Job) -> None:
        client.job = self._jobs[job.child.pid] = job

    # Children.

    def _watch_children(self) -> None:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        self._selector.register(reader, selectors.EVENT_READ, functools.partial(os.read, reader, 4096))

    def _reap(self) -> None:
        """Buries everyone who died, adopted or not."""
        while (ended := _ended()) is not None:
            job = self._jobs.pop(ended[0], None)
            if job is not None:
                self._tell(job, job.outcome(ended[1]))

    def _tell_of_emptiness(self) -> None:
        waiting = [client for client in self._clients if client.emptying is not None]
        if waiting and not _has_children():
            for client in waiting:
                client.connection.answer({"ok": True})
                self._drop(client)

    def _tell(self, job: Job, outcome: dict[str, object]) -> None:
        client = next((client for client in self._clients if client.job is job), None)
        if client is not None:
            client.connection.answer(outcome)
            self._drop(client)


def _ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The wake-up is what counts."""


def _streams(connection: Connection, count: int) -> list[int]:
    """Pipes and sockets: nothing else of the host's has a place in the box. Raises BadRequestError."""
    streams = connection.take_descriptors(count)
    if all(_is_stream(os.fstat(stream).st_mode) for stream in streams):
        return streams
    _close(*streams)
    raise BadRequestError("only pipes and sockets are taken")


def _is_stream(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _unpack(descriptor: int) -> None:
    from sidecars.init.unpack import unpack  # what it needs takes longer to import than all the rest

    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        unpack(stream)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _end_without_keeper() -> None:
    """Nobody says anything here: what is read is the end, for whoever kept this box is gone. All in it goes with its
    first process (pid_namespaces(7)), also where the kernel's own signal to orphans came before it could be asked for.
    """
    if not os.read(_LIFELINE, 1):
        os._exit(0)

"""`python -m tests.support.fork_server DESCRIPTOR`: imports the program, and forks for each order on a socket.

The other side is `tests.support.forks`. An order is JSON, with four descriptors: three standard streams, and where the
number of the command's process is told and, when it has ended, its wait status.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from tests.support.forks import ORDER, ROOT


@frozen
class _Order:
    arguments: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    module: str
    descriptors: Sequence[int]

    def become(self) -> None:
        """Makes this process one that was started so."""
        for wanted, given in enumerate(self.descriptors):
            os.dup2(given, wanted)
            os.close(given)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(self.env)
        time.tzset()
        os.chdir(self.cwd)
        sys.argv = ["bottle", *self.arguments]


def _serve(line: socket.socket) -> _Order | None:
    """Returns in each fork with what it is to do, and in the server at its end."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(line, ORDER, 4)
        if not text:
            return None
        *streams, report = descriptors
        if os.fork() == 0:
            line.close()
            pid = os.fork()
            if pid == 0:
                os.close(report)
                return _Order(**json.loads(text), descriptors=streams)
            _tell_the_end(pid, streams, report)
        for descriptor in descriptors:
            os.close(descriptor)


def _tell_the_end(pid: int, streams: Sequence[int], report: int) -> None:
    """The command's parent: says its number and, when it has ended, how. Does not return."""
    for descriptor in streams:
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.write(report, b"%d\n" % pid)
    os.write(report, b"%d\n" % os.waitpid(pid, 0)[1])
    os._exit(0)


def _import_all() -> None:
    """The program but for the dashboard, which would double what is imported; and what it imports when it runs."""
    for package in ("bottle.cli", "bottle.adapters", "bottle.app", "bottle.domain", "sidecars"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _call(main: Callable[[], int | None]) -> None:
    """Does as an interpreter does at its end, but for taking all modules apart, which would copy each page of them."""
    try:
        sys.exit(main())
    except SystemExit as end:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(int(end.code or 0))


def _main() -> None:
    sys.path.remove(str(ROOT))
    sys.path.append(str(ROOT))
    _import_all()
    gc.freeze()
    for number in (signal.SIGCHLD, signal.SIGINT):  # the kernel takes the dead; a Ctrl-C is for the tests
        signal.signal(number, signal.SIG_IGN)
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order:
        order.become()
        _call(importlib.import_module(order.module).main)


if __name__ == "__main__":
    _main()

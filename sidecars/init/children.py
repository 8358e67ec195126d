"""Starting processes. Nothing here waits for one: between fork and exec the agent may stop it."""

import os
import termios
from collections.abc import Callable

from sidecars.init import process

CANNOT_RUN, NOT_FOUND = 126, 127  # as shells report them


class Child:
    """A process, and what it has to say if it fails."""

    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self._report = report

    def complaint(self) -> str:
        """Why it failed, in its own words; empty when it said nothing. To be asked once, after its end."""
        try:
            return os.read(self._report, 4096).decode("utf-8", "replace")
        except OSError:
            return ""
        finally:
            os.close(self._report)


def fork(work: Callable[[], None], descriptors: tuple[int, ...]) -> Child:
    """Does the work, which needs the descriptors, in a process of its own.

    Its status is 0 when the work returns; the message of an OSError that the work raises is the complaint. Raises
    OSError when there can be no further process.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if pid == 0:
        _work(work, descriptors, writer)
    os.close(writer)
    return Child(pid, reader)


def become(argv: list[str], env: dict[str, str], cwd: str, streams: tuple[int, ...]) -> None:
    """Turns this process into the command: a session of its own, with the three streams, or one terminal as all three.

    Raises OSError.
    """
    if len(streams) == 1:
        os.login_tty(streams[0])
    else:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
    _go_to(cwd)
    process.reset_signals()
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 - never a shell
    except OSError as error:
        error.filename = argv[0]  # not the last place where it was looked for
        raise


def open_terminal(rows: int, columns: int) -> tuple[int, int]:
    """Both ends of a terminal of this size: the one to steer it with, and the one for programs. Raises OSError."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    return master, slave


def _go_to(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        raise OSError(f"{cwd}: {error.strerror}") from error  # no kind of its own: the program was not what is missing


def _work(work: Callable[[], None], descriptors: tuple[int, ...], writer: int) -> None:
    status = CANNOT_RUN
    try:
        process.keep_only({0, 1, 2, writer, *descriptors})
        work()
        status = 0
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            status = NOT_FOUND
        os.write(writer, _told(error)[:4000].encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _told(error: OSError) -> str:
    place = f"{error.filename}: " if isinstance(error.filename, str) else ""
    return f"{place}{error.strerror or error}"

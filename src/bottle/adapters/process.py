"""Starting programs of this host: argument lists alone, never a shell."""

import errno
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from attrs import frozen

_BACKGROUND_SECONDS = 20.0
_AT_ONCE = 8


@frozen
class Finished:
    """How a program ended, and what it said."""

    status: int
    stdout: bytes
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes | BinaryIO = b"",
    env: Mapping[str, str] | None = None,
    user: int | None = None,
) -> Finished:
    """Runs a program to its end, as another user where one is given (root alone can). It reads what `stdin` holds, from
    a file's own position.

    Raises OSError when it cannot be started, TimeoutError when it was killed because time was up.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if isinstance(stdin, bytes) else None,
            stdin=None if isinstance(stdin, bytes) else stdin,
            env=env,
            timeout=timeout,
            capture_output=True,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{argv[0]} did not end within {timeout:g} seconds") from error
    return Finished(done.returncode, done.stdout, done.stderr)


def hand_over(argv: Sequence[str]) -> int:
    """Runs a program of the operator's on this process's own terminal to its end, and returns its status. Raises
    OSError when it cannot be started."""
    return subprocess.run(list(argv), check=False).returncode


class Piped:
    """A program whose three standard streams are pipes of this process's, of which none ever blocks.

    It has a session of its own: keys of the terminal do not reach it. Whoever drops it has ended it.
    """

    _process: "subprocess.Popen[bytes] | None" = None

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Raises OSError."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=dict(env), cwd="/", start_new_session=True
        )
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        self.input, self.output, self.errors = (stream.fileno() if stream else -1 for stream in streams)
        for descriptor in (self.input, self.output, self.errors):
            os.set_blocking(descriptor, False)

    def end_input(self) -> None:
        """It has heard everything. May be repeated."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self, seconds: float) -> int:
        """Its status; of one that a signal ended, as a shell says it. Raises TimeoutError."""
        assert self._process is not None  # noqa: S101 - it was started
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIMEDOUT, "it does not end") from None
        return status if status >= 0 else 128 - status

    def close(self) -> None:
        """Ends it where it has not ended, and lets go of the pipes. May be repeated."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __del__(self) -> None:
        self.close()


class Companion:
    """A program that runs beside this one, in a session of its own: keys of the terminal do not reach it.

    It puts itself into the background: the process that is started here ends at once. Its standard input is a Unix
    socket, over which it is given open files. It has nothing of this one's streams, so nobody who reads them waits for
    it. Whoever drops a companion has hung up.
    """

    output = -1
    """The descriptor from which it is heard; its errors too."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Starts it, and does not wait until it is in the background. Raises OSError."""
        self._line, its_input = socket.socketpair()
        self._starter: subprocess.Popen[bytes] | None = None
        its_output = -1
        try:
            self.output, its_output = os.pipe()
            self._starter = subprocess.Popen(
                list(argv),
                stdin=its_input.fileno(),
                stdout=its_output,
                stderr=its_output,
                env=dict(env),
                cwd="/",
                start_new_session=True,
            )
        finally:
            its_input.close()
            _close(its_output)

    def say(self, data: bytes) -> None:
        """Everything, down its standard input. Raises OSError when it does not listen any more."""
        self._settle()
        self._line.sendall(data)

    def hand(self, descriptors: Sequence[int]) -> None:
        """Gives it copies of these, in order, some with each space that follows what was said. Raises OSError."""
        for start in range(0, len(descriptors), _AT_ONCE):
            socket.send_fds(self._line, [b" "], descriptors[start : start + _AT_ONCE])

    def hang_up(self) -> None:
        """Closes its standard input. May be repeated."""
        self._line.close()
        try:
            self._settle()
        except TimeoutError:
            pass  # it was killed

    def _settle(self) -> None:
        """Waits until it is in the background. Raises TimeoutError, and then it was killed."""
        if self._starter is None:
            return
        starter, self._starter = self._starter, None
        try:
            starter.wait(_BACKGROUND_SECONDS)
        except subprocess.TimeoutExpired as error:
            starter.kill()
            starter.wait()
            raise TimeoutError(errno.ETIMEDOUT, "it does not come up") from error

    def __del__(self) -> None:
        self.hang_up()
        _close(self.output)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)

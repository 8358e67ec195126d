"""Starting programs of this host: argument lists alone, never a shell."""

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from attrs import frozen

_BACKGROUND_SECONDS = 20.0


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


class Companion:
    """A program that runs beside this one, in a session of its own: keys of the terminal do not reach it.

    It puts itself into the background: the process that is started here ends at once. It has nothing of this one's
    streams, so nobody who reads them waits for it. Whoever drops a companion has closed both of its own.
    """

    output = -1
    """The descriptor from which it is heard; its errors too."""
    _input = -1

    def __init__(self, argv: Sequence[str], descriptors: Sequence[int], env: Mapping[str, str]) -> None:
        """Starts it with these descriptors, at the same numbers. Raises OSError."""
        its_input, self._input = os.pipe()
        its_output = -1
        try:
            self.output, its_output = os.pipe()
            subprocess.run(
                list(argv),
                stdin=its_input,
                stdout=its_output,
                stderr=its_output,
                pass_fds=tuple(descriptors),
                env=dict(env),
                cwd="/",
                start_new_session=True,
                check=False,
                timeout=_BACKGROUND_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(errno.ETIMEDOUT, "it does not come up") from error
        finally:
            _close(its_input)
            _close(its_output)

    def say(self, data: bytes) -> None:
        """Everything, down its standard input. Raises OSError when it does not listen any more."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._input, view) :]

    def hang_up(self) -> None:
        """Closes its standard input. May be repeated."""
        _close(self._input)
        self._input = -1

    def __del__(self) -> None:
        self.hang_up()
        _close(self.output)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)

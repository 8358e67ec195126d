"""Starting programs of this host: argument lists alone, never a shell."""

import subprocess
from collections.abc import Mapping, Sequence

from attrs import frozen


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
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    user: int | None = None,
) -> Finished:
    """Runs a program to its end, as another user where one is given (root alone can).

    Raises OSError when it cannot be started, TimeoutError when it was killed because time was up.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
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
    """A program that runs beside this one, in a session of its own: keys of the terminal do not reach it."""

    def __init__(self, argv: Sequence[str], descriptors: Sequence[int], env: Mapping[str, str]) -> None:
        """Starts it with these descriptors, at the same numbers. Raises OSError."""
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=tuple(descriptors),
            env=dict(env),
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin, self._process.stdout

    @property
    def output(self) -> int:
        """The descriptor from which it is heard."""
        return self._output.fileno()

    def say(self, data: bytes) -> None:
        """Everything, down its standard input. Raises OSError when it does not listen any more."""
        view = memoryview(data)
        while view:
            view = view[self._input.write(view) or 0 :]

    def end(self, seconds: float) -> None:
        """Closes both streams, which tells it to end, and waits; one that does not is killed."""
        self._input.close()
        self._output.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

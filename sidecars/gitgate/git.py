"""Running git, ssh and gitleaks: a sealed environment, bounded memory, nothing of any user's configuration."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from attrs import frozen

from sidecars.gitgate import limits

# A shell sets the limit, so that it holds from the program's first moment and for all that it starts.
_BOUNDED = ("/bin/sh", "-c", f'ulimit -v "$1"; ulimit -t {limits.PROGRAM_SECONDS}; ulimit -c 0; shift; exec "$@"', "sh")
_PATH = "/usr/local/bin:/usr/bin:/bin"


@frozen
class Done:
    """How a program ended, and what it said."""

    status: int
    stdout: bytes
    stderr: bytes


class ProgramError(Exception):
    """A program did not do what it must be able to do. The message has nothing of what it said."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What programs of ours see: no home, no settings of a system or a user, nobody to ask."""
    return {
        "PATH": _PATH,
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_OPTIONAL_LOCKS": "0",
        **(more or {}),
    }


def python(script: str, *arguments: str) -> list[str]:
    """This Python with a script of the standard library alone, for programs that start it with an environment of ours:
    what it needs to find its own library goes along."""
    library = os.environ.get("LD_LIBRARY_PATH", "")
    found = ["/usr/bin/env", f"LD_LIBRARY_PATH={library}"] if library else []
    return [*found, sys.executable, "-I", "-S", "-B", script, *arguments]


def start(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    memory: int = limits.PROGRAM_MEMORY,
    stdin: int | IO[bytes] = subprocess.PIPE,
    stderr: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A program in a session of its own, which `end` ends with all that it started. Raises OSError."""
    return subprocess.Popen(
        [*_BOUNDED, str(memory // 1024), *argv],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=dict(env),
        cwd="/",
        start_new_session=True,
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends it, unless it has ended, with all that it started. May be repeated."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except OSError:
                pass
    process.wait()


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: bytes = b"",
    seconds: float = limits.LOOK_SECONDS,
    memory: int = limits.PROGRAM_MEMORY,
) -> Done:
    """Runs a program to its end. Raises ProgramError when it cannot be started or does not end in time."""
    try:
        process = start(argv, env, memory=memory, stderr=subprocess.PIPE)
    except OSError as error:
        raise ProgramError(f"{Path(argv[0]).name} cannot be started: {error.strerror}") from None
    try:
        stdout, stderr = process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{Path(argv[0]).name} did not end within {seconds:g} seconds") from None
    finally:
        end(process)
    return Done(process.returncode, stdout, stderr)


@frozen
class Repository:
    """A bare repository of the gate's own; `env` may turn to objects that are not in it yet (a quarantine)."""

    path: Path
    env: Mapping[str, str]

    @classmethod
    def at(cls, path: Path) -> "Repository":
        return cls(path, environment())

    def quarantined(self, quarantine: Path) -> "Repository":
        """The repository with the objects of a push that is not accepted yet (git-receive-pack(1))."""
        objects = {
            "GIT_OBJECT_DIRECTORY": str(quarantine),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.path / "objects"),
            "GIT_QUARANTINE_PATH": str(quarantine),
        }
        return Repository(self.path, environment(objects))

    def command(self, *arguments: str) -> list[str]:
        """git on this repository, whatever lies around it, running no hook."""
        return ["git", "-c", f"core.hooksPath={os.devnull}", f"--git-dir={self.path}", *arguments]

    def ask(self, *arguments: str, stdin: bytes = b"") -> Done:
        """Runs git on it. Raises ProgramError."""
        return run(self.command(*arguments), self.env, stdin=stdin)

    def tell(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What git answers. Raises ProgramError when it fails."""
        done = self.ask(*arguments, stdin=stdin)
        if done.status != 0:
            raise ProgramError(f"git {arguments[0]} failed with status {done.status}")
        return done.stdout

    def refs(self) -> dict[str, str]:
        """Every ref and the object that it points to. Raises ProgramError."""
        listed = self.tell("for-each-ref", "--format=%(objectname) %(refname)").decode(errors="surrogateescape")
        return {ref: oid for oid, _, ref in (line.partition(" ") for line in listed.splitlines())}

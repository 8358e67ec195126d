"""Whoever runs bottles on this host, and what is theirs: files, keys, processes. All of it is out of a box's sight.

Where the tests run as root, bottles run under a number of nobody's; here it is given a home and belongings, so that the
walls are what keeps a box from them and not the owner's number.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

NUMBER = 7_654_321 if os.getuid() == 0 else os.getuid()
"""The host's number of the person whom boxes belong to."""

_KEY_HOLDER = """
import ctypes, os, sys
name, number = sys.argv[1], int(sys.argv[2])
if os.getuid() != number:
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
libc = ctypes.CDLL(None)
libc.prctl(4, 1, 0, 0, 0)  # as any program is that did not change its user
added = libc.syscall(248, b"user", name.encode(), b"payload", 7, -4)
print("added" if added > 0 else "refused", flush=True)
sys.stdin.read()
"""


@frozen
class Person:
    """`secret` stands in each of `files`, which only the person may read; `process` is theirs and `key` is its name in
    the kernel's ring of theirs, empty where this kernel has none."""

    secret: str
    files: tuple[Path, ...]
    process: int
    key: str


@contextmanager
def person() -> Iterator[Person]:
    """A person with belongings, which are gone afterwards."""
    secret = f"planted-{secrets.token_hex(12)}"
    with ExitStack() as stack:
        files = tuple(stack.enter_context(_planted(place, secret)) for place in _places())
        name = f"key-{secrets.token_hex(6)}"
        holder = stack.enter_context(_running([sys.executable, "-S", "-c", _KEY_HOLDER, name, str(NUMBER)]))
        assert holder.stdout is not None
        key = name if holder.stdout.readline() == b"added\n" else ""
        yield Person(secret, files, holder.pid, key)


def _places() -> list[Path]:
    """Where people and programs leave things."""
    candidates = (Path.home(), Path("/home"), Path("/tmp"), Path("/var/tmp"), Path("/var/lib"), Path("/dev/shm"))
    more = (
        Path("/srv"),
        Path("/opt"),
        Path("/mnt"),
        Path("/run"),
        Path(os.environ.get("XDG_RUNTIME_DIR", "/run/user")),
    )
    return [place for place in dict.fromkeys((*candidates, *more)) if os.access(place, os.W_OK)]


@contextmanager
def _planted(place: Path, secret: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bottle-walls-", dir=place))
    try:
        file = folder / "secret"
        file.write_text(secret)
        file.chmod(0o600)
        if os.getuid() == 0:
            os.chown(folder, NUMBER, NUMBER)
            os.chown(file, NUMBER, NUMBER)
        yield file
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(argv: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process, until the end of the block."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()

"""The `smolvm` program: the only file that knows its arguments, what it prints and how it ends.

Nothing secret is ever an argument or an option here: `smolvm` keeps both on disk. What a guest must know goes down the
standard input of a command in it.
"""

import json
import math
import os
import re
import select
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

from bottle.adapters import process
from bottle.adapters.process import Piped
from bottle.app.ports import Stopping
from bottle.domain.errors import BackendError, ConflictError, NotFoundError
from bottle.domain.manifest import Resources

FLOOR: Final = (1, 8, 1)
"""Labels in listings came with 1.8.0, and 1.8.1 takes a large standard input whole; sockets are mounted since 1.6.4."""

IDENTITY_LABEL: Final = "bot-bottle.identity"
OWNER_LABEL: Final = "bot-bottle.owner"

KILLED: Final = 128 + 9
"""What the first command after a start may end with before it has begun (seen with machines that have just booted)."""

_NAME: Final = "smolvm"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# What it needs of this process's environment; tokens are none of its business, and it may write down what it sees.
_VARIABLES: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
    *("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "RUST_LOG"),
)
_LOOK_SECONDS: Final = 20.0
_MAKE_SECONDS: Final = 300.0
_REMOVE_SECONDS: Final = 90.0
_GLANCE: Final = 0.05
_CHUNK: Final = 65536
_TOLD: Final = 300
_MEBIBYTE: Final = 1024**2


@frozen
class Machine:
    """One that `smolvm` lists."""

    name: str
    state: str
    labels: Mapping[str, str]

    @property
    def identity(self) -> str:
        return self.labels.get(IDENTITY_LABEL, "")

    @property
    def runs(self) -> bool:
        return self.state == "running"


@frozen
class Said:
    """How a call of the program ended."""

    status: int
    stdout: bytes
    stderr: bytes


@frozen
class Wish:
    """A machine to be made: without a network device, with sockets of this host's (host path to guest path)."""

    name: str
    image: Path
    labels: Mapping[str, str]
    sockets: Mapping[str, str]
    resources: Resources


@frozen
class Smolvm:
    """One installation of it. `environ` is this process's environment."""

    path: str
    _environ: Mapping[str, str] = field(repr=False)

    def version(self) -> tuple[int, ...]:
        """Raises BackendError for a program that does not say one."""
        said = self._call(["--version"], _LOOK_SECONDS)
        found = _VERSION.search(said.stdout.decode(errors="replace"))
        if said.status or found is None:
            raise BackendError(f"{self.path} does not tell its version: {told(said.stderr)}")
        return tuple(map(int, found.groups()))

    def machines(self) -> Sequence[Machine]:
        """All of this user's, whoever made them, by name. Raises BackendError."""
        said = self._done(["machine", "ls", "--json"], _LOOK_SECONDS)
        try:
            return _machines(json.loads(said.stdout))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackendError("smolvm lists its machines in a way that is not understood") from error

    def create(self, wish: Wish, stopping: Stopping) -> None:
        """Raises ConflictError when the name is taken, BackendError. `--net` is never said."""
        options = ["--name", wish.name, "--image", str(wish.image)]
        options += [f"--label={name}={value}" for name, value in wish.labels.items()]
        options += [f"--mount-socket={host}:{guest}" for host, guest in wish.sockets.items()]
        options += [f"--cpus={math.ceil(wish.resources.cpus)}", f"--mem={wish.resources.memory // _MEBIBYTE}"]
        self._done(["machine", "create", *options], _MAKE_SECONDS, stopping)

    def start(self, name: str, stopping: Stopping) -> None:
        """Returns once commands can run in it. Raises BackendError."""
        self._done(["machine", "start", "--name", name], _MAKE_SECONDS, stopping)

    def delete(self, name: str) -> None:
        """Stops and removes it; nothing happens where there is none. Raises BackendError.

        Without `-f` it would ask, take the end of its input for a no, and call that a success.
        """
        try:
            self._done(["machine", "delete", "-f", "--name", name], _REMOVE_SECONDS)
        except NotFoundError:
            pass

    def spawn(self, name: str, argv: Sequence[str]) -> None:
        """Starts a command that goes on by itself. Raises BackendError."""
        for _ in range(2):
            said = self._call(["machine", "exec", "--name", name, "-d", "--", *argv], _LOOK_SECONDS)
            if said.status != KILLED:
                break
        _require_done(said)

    def pour(self, name: str, argv: Sequence[str], chunks: Callable[[], Iterable[bytes]], stopping: Stopping) -> Said:
        """Runs a command that does no harm twice, with this as its input: the first one after a boot may be killed.

        Raises BackendError when it does not take or end it in time.
        """
        words = ["machine", "exec", "--name", name, "-i", "--", *argv]
        said = self._call(words, _MAKE_SECONDS, stopping, chunks())
        return self._call(words, _MAKE_SECONDS, stopping, chunks()) if said.status == KILLED else said

    def talk(self, name: str, argv: Sequence[str]) -> Piped:
        """A command under way. `-i` alone: what it says comes at once, and is not gathered up to a limit."""
        return self._started(["machine", "exec", "--name", name, "-i", "--", *argv])

    def _done(self, arguments: Sequence[str], seconds: float, stopping: Stopping | None = None) -> Said:
        said = self._call(arguments, seconds, stopping)
        _require_done(said)
        return said

    def _call(
        self,
        arguments: Sequence[str],
        seconds: float,
        stopping: Stopping | None = None,
        chunks: Iterable[bytes] = (),
    ) -> Said:
        """Raises BackendError when it cannot be started, takes too long, or is not wanted any more."""
        running = self._started(arguments)
        try:
            return _heard_out(running, chunks, time.monotonic() + seconds, stopping or (lambda: False))
        except TimeoutError:
            raise BackendError(f"`smolvm {' '.join(arguments[:2])}` did not end within {seconds:g} seconds") from None
        finally:
            running.close()

    def _started(self, arguments: Sequence[str]) -> Piped:
        kept = {name: value for name, value in self._environ.items() if name in _VARIABLES or _is_its_own(name)}
        try:
            return process.Piped([self.path, *arguments], kept)
        except OSError as error:
            raise BackendError(f"{self.path} cannot be started: {error.strerror}") from error


def find(environ: Mapping[str, str]) -> Smolvm | None:
    """The one on the PATH."""
    path = shutil.which(_NAME, path=environ.get("PATH", os.defpath))
    return None if path is None else Smolvm(path, environ)


def machine_name(identity: str) -> str:
    """What a bottle's machine is called: `smolvm` takes no two hyphens in a row."""
    return f"bot-bottle-{identity}".replace("--", "-_")


def told(stderr: bytes) -> str:
    """Its last line on standard error, fit for a terminal: what comes before are warnings and progress."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    last = next((line for line in lines if line.startswith("Error: ")), lines[-1] if lines else "without a word")
    return "".join(letter for letter in last.removeprefix("Error: ") if letter.isprintable())[:_TOLD]


def _is_its_own(name: str) -> bool:
    return name.startswith("SMOLVM_")


def _machines(listing: object) -> Sequence[Machine]:
    """Raises ValueError, TypeError, KeyError, AttributeError: what is no list is not an empty one."""
    if not isinstance(listing, list):
        raise TypeError("machines are a list")
    return sorted(map(_machine, listing), key=lambda machine: machine.name)


def _machine(item: Mapping[str, object]) -> Machine:
    labels = item.get("labels") or {}
    if not isinstance(labels, dict):
        raise TypeError("labels are an object")
    return Machine(str(item["name"]), str(item["state"]), {str(key): str(value) for key, value in labels.items()})


def _require_done(said: Said) -> None:
    if not said.status:
        return
    reason = told(said.stderr)
    if "already exists" in reason:
        raise ConflictError(f"the name is taken: {reason}", hint="`bottle cleanup` removes what was left behind")
    if "vm not found" in reason:
        raise NotFoundError(f"smolvm: {reason}")
    raise BackendError(f"smolvm refused: {reason}", hint=_hint(reason))


def _hint(reason: str) -> str | None:
    if "kvm" in reason:
        return "it needs /dev/kvm; add yourself to the group that may use it (`sudo usermod -aG kvm $USER`)"
    if "No space left" in reason:
        return "free some: machines and their images are below ~/.cache/smolvm (macOS: ~/Library/Caches/smolvm)"
    return None


def _heard_out(running: Piped, chunks: Iterable[bytes], deadline: float, stopping: Stopping) -> Said:
    """Feeds it and hears it to the end of its outputs, then of itself. Raises TimeoutError, BackendError."""
    heard = {running.output: bytearray(), running.errors: bytearray()}
    listening, source, unsent = set(heard), iter(chunks), memoryview(b"")
    is_hungry = True
    while listening:
        if stopping():
            raise BackendError("the launch was asked to end")
        if time.monotonic() > deadline:
            raise TimeoutError
        if is_hungry and not unsent:
            unsent, is_hungry = _next(source)
            if not is_hungry:
                running.end_input()
        readable, writable, _ = select.select(listening, [running.input] if is_hungry else [], [], _GLANCE)
        if writable:
            unsent, is_hungry = _sent(running, unsent)
        listening -= {descriptor for descriptor in readable if not _hear(descriptor, heard[descriptor])}
    status = running.wait(max(deadline - time.monotonic(), 0.001))
    return Said(status, bytes(heard[running.output]), bytes(heard[running.errors]))


def _next(source: Iterator[bytes]) -> tuple[memoryview, bool]:
    """What is to be sent next, and whether there is anything."""
    for chunk in source:
        if chunk:
            return memoryview(chunk), True
    return memoryview(b""), False


def _sent(running: Piped, unsent: memoryview) -> tuple[memoryview, bool]:
    """What is left to be sent, and whether it takes any more."""
    try:
        return unsent[os.write(running.input, unsent) :], True
    except BlockingIOError:
        return unsent, True
    except OSError:
        running.end_input()
        return memoryview(b""), False


def _hear(descriptor: int, heard: bytearray) -> bool:
    """Whether there may be more."""
    data = os.read(descriptor, _CHUNK)
    heard += data
    return bool(data)

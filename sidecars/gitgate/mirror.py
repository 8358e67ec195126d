"""One bare repository of the gate's own for each upstream: brought up to date before it is read or judged by."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bottle.domain.gitgate_config import GateRemote
from sidecars.gitgate import limits
from sidecars.gitgate.git import ProgramError, Repository, environment, run
from sidecars.gitgate.upstream import Access, UnreachableError, Way

_KEPT = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FIRST_BRANCH = "refs/heads/main"
_LINES = 3

_CONFIG = f"""\
[core]
    repositoryFormatVersion = 0
    bare = true
    hooksPath = "{{hooks}}"
    logAllRefUpdates = false
    packedGitWindowSize = 32m
    packedGitLimit = 512m
    fsync = none
[gc]
    auto = 0
[maintenance]
    auto = false
[http]
    receivepack = true
    uploadpack = true
    getanyfile = false
[pack]
    windowMemory = 256m
[uploadpack]
    allowFilter = true
[receive]
    advertisePushOptions = false
    autogc = false
    denyCurrentBranch = ignore
    denyDeleteCurrent = ignore
    maxInputSize = {limits.PACK}
    shallowUpdate = false
    # A pack stays one, and is never spread over a hundred thousand files.
    unpackLimit = 1
    fsckObjects = true
[receive "fsck"]
    # What old and honest histories have, and what forges let pass.
    badTimezone = ignore
    missingSpaceBeforeDate = ignore
    zeroPaddedFilemode = ignore
"""


_FULL = b"No space left on device"


class NoRoomError(Exception):
    """The repositories have outgrown what the gate may take."""

    def __init__(self) -> None:
        super().__init__("there is no room left for its repositories (docs/git-gate.md, Where it runs)")


class Mirror:
    """What the upstream has, here. Whoever changes it does so within `changing`."""

    def __init__(self, remote: GateRemote, path: Path, way: Way, hooks: Path) -> None:
        """Makes it, empty. Raises ProgramError."""
        self.remote, self.way = remote, way
        self.repository = Repository.at(path)
        self._objects = path / "objects"
        self._lock = threading.Lock()
        self._flight = Shared(self._refresh_alone)
        self._knows_head = False
        self.begun: dict[str, str] = {}
        """The branches that it began with: the host has them."""
        done = run(["git", "init", "--quiet", "--bare", "--template=", str(path)], environment())
        if done.status != 0:
            raise ProgramError("git init failed")
        (path / "config").write_text(_CONFIG.format(hooks=hooks), encoding="utf-8")
        self.repository.tell("symbolic-ref", "HEAD", _FIRST_BRANCH)

    def begin_with(self, bundle: Path) -> None:
        """Takes over the branches of a bundle of the host's; without them, the repository begins empty."""
        env = {**self.repository.env, "GIT_ALLOW_PROTOCOL": "file"}
        heads = run(self.repository.command("bundle", "list-heads", str(bundle)), env).stdout.decode().split("\n")
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        done = run(self.repository.command("fetch", *options, str(bundle), "refs/heads/*:refs/heads/*"), env)
        if done.status != 0:
            return
        self.begun = self.repository.refs()
        checked_out = next((oid for oid, _, name in (head.partition(" ") for head in heads) if name == "HEAD"), "")
        branch = next((ref for ref, oid in self.begun.items() if oid == checked_out), _FIRST_BRANCH)
        self.repository.tell("symbolic-ref", "HEAD", branch)

    @property
    def is_local(self) -> bool:
        return self.remote.upstream.kind == "local"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Alone with the repository, to put more into it. Raises NoRoomError.

        What a fetch or a push that was ended in the middle has left is removed first: nobody else would.
        """
        with self._lock:
            for left in (*self._objects.glob("*incoming-*"), *self._objects.glob("pack/tmp_*")):
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
            if shutil.disk_usage(self._objects).free < limits.ROOM:
                raise NoRoomError
            yield

    def refresh(self) -> None:
        """Makes it what the upstream is now; those who ask meanwhile share one visit. Raises UnreachableError,
        NoRoomError."""
        if not self.is_local:
            self._flight.run()

    def _refresh_alone(self) -> None:
        try:
            with self.changing():
                self._fetch()
        except ProgramError as error:
            raise UnreachableError(str(error)) from None

    def _fetch(self) -> None:
        access = self.way.open()
        with ThreadPoolExecutor(1, thread_name_prefix="head") as pool:
            asked = None if self._knows_head else pool.submit(self._upstreams_head, access)
            options = ("--quiet", "--prune", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
            command = self.repository.command("fetch", *options, access.url, *_KEPT)
            done = run(command, access.env, seconds=limits.REFRESH_SECONDS)
        if done.status != 0:
            if _FULL in done.stderr:
                raise NoRoomError
            raise UnreachableError(last_words(self.way.covered(done.stderr)) or "it cannot be reached")
        if asked is not None and (head := asked.result()):
            self.repository.tell("symbolic-ref", "HEAD", head)
            self._knows_head = True

    def _upstreams_head(self, access: Access) -> str:
        """The branch that a clone checks out, asked for once; empty where there is none yet."""
        command = self.repository.command("ls-remote", "--symref", access.url, "HEAD")
        done = run(command, access.env, seconds=limits.REFRESH_SECONDS)
        first = done.stdout.decode(errors="replace").partition("\t")[0]
        return first.removeprefix("ref: ") if done.status == 0 and first.startswith("ref: refs/heads/") else ""


class Shared:
    """Work that many may ask for at once and that is done once for all who wait."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._guard = threading.Lock()
        self._flight: Future[None] | None = None

    def run(self) -> None:
        """Returns when the work that is under way, or is begun now, has been done. Raises what it raises."""
        with self._guard:
            flight, leads = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if leads:
            self._fly(flight)
        flight.result()

    def _fly(self, flight: "Future[None]") -> None:
        failure: BaseException | None = None
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            failure = error
        with self._guard:
            self._flight = None
        if failure is None:
            flight.set_result(None)
        else:
            flight.set_exception(failure)


_ADVICE = ("fatal: Could not read from remote", "Please make sure you have", "and the repository exists")


def last_words(said: bytes) -> str:
    """What a program complained of, on one line, safe to print, without git's advice to somebody at a keyboard."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    kept = [line for line in lines if line and not line.startswith(_ADVICE)][-_LINES:]
    return "".join(letter if letter.isprintable() else " " for letter in "; ".join(kept))[-400:]

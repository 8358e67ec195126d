"""What a bottle without a server leaves: bundles of git's, taken into a repository of this host by careful hands."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bottle.adapters import careful_git, disk, process
from bottle.adapters.state.scratch import scratch
from bottle.domain.errors import BottleError, ConflictError, NotFoundError, UsageError
from bottle.domain.gitgate import is_plain_ref

_NAME: Final = re.compile(r"git-[a-z0-9.-]{1,255}\.bundle\Z")
_LARGEST: Final = 16 * 1024**3
_SECONDS: Final = 900.0
PROTOCOL: Final = "file"
"""What `FETCH` speaks, and nothing else."""
FETCH: Final = (
    *("-c", "fetch.fsckObjects=true"),  # objects are checked before they are kept
    *("fetch", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules"),
)


class BundleFiles:
    """ports.Results over files that the git gate wrote. `environ` is read for PATH and HOME alone."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = careful_git.environment(environ, ("PATH", "HOME"), PROTOCOL)

    def holds(self, folder: Path) -> bool:
        return any(_NAME.match(path.name) for path in folder.iterdir())

    def take(self, folder: Path, repository: Path, below: str) -> Sequence[str]:
        if self._git(repository, "rev-parse", "--git-dir").status:
            raise UsageError(f"{repository} is no git repository", hint="`--into` names one, or run it inside of one")
        bundles = sorted(path.name for path in folder.iterdir() if _NAME.match(path.name))
        if not bundles:
            hint = "a remote with `Upstream: local` keeps what the agent pushes to it; see docs/git-gate.md"
            raise NotFoundError("this bottle has left no result", hint=hint)
        before = self._branches(repository, below)
        for name in bundles:
            with _copied(folder / name) as bundle:
                self._fetch(repository, bundle, below)
        after = self._branches(repository, below)
        return [branch for branch, commit in after.items() if before.get(branch) != commit] or list(after)

    def _fetch(self, repository: Path, bundle: Path, below: str) -> None:
        hooks = careful_git.without_hooks(self._git(repository, *careful_git.LIST_HOOKS).stdout)
        done = self._git(repository, *FETCH, str(bundle), f"+refs/heads/*:refs/heads/{below}/*", more=hooks)
        if done.status:
            said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
            reason = "".join(letter for letter in (said or ["without a word"])[-1] if letter.isprintable())
            raise BottleError(f"git did not take the result: {reason}", hint=f"nothing beside {below}/ was touched")

    def _branches(self, repository: Path, below: str) -> dict[str, str]:
        done = self._git(repository, "for-each-ref", "--format=%(objectname) %(refname)", f"refs/heads/{below}/")
        lines = (line.partition(" ") for line in done.stdout.decode(errors="replace").splitlines())
        return {ref.removeprefix("refs/heads/"): commit for commit, _, ref in lines if is_plain_ref(ref)}

    def _git(self, repository: Path, *arguments: str, more: Mapping[str, str] | None = None) -> process.Finished:
        command = ["git", "-C", str(repository), *careful_git.SETTINGS, *arguments]
        try:
            return process.run(command, timeout=_SECONDS, env={**self._env, **(more or {})})
        except FileNotFoundError:
            raise BottleError("there is no git on the PATH", hint="install git") from None
        except TimeoutError as error:
            raise BottleError(str(error)) from None


@contextmanager
def _copied(source: Path) -> Iterator[Path]:
    """A copy where the sidecar cannot write: what lies in its own directory it may still change. Raises
    ConflictError."""
    try:
        descriptor = disk.open_regular(source)
    except disk.NotRegularError:
        raise ConflictError(
            f"{source} is no regular file", hint="something replaced it: trust nothing of this bottle"
        ) from None
    with os.fdopen(descriptor, "rb") as file, scratch(source.parent.parent) as folder:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise ConflictError(f"{source} is larger than any result may be")
        copy = folder / "result.bundle"
        with copy.open("xb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
        yield copy

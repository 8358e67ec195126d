"""Where the work of a bottle without a server goes: a bundle on the host, whole or not at all."""

import os
from collections.abc import Sequence
from pathlib import Path

from bottle.domain.gitgate import RefUpdate
from sidecars.gitgate.git import ProgramError, Repository
from sidecars.gitgate.mirror import Mirror

SUFFIX = ".bundle"


class Results:
    """Bundles (git-bundle(1)) in a directory of the host's, one for each remote without an upstream."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, mirror: Mirror, repository: Repository, updates: Sequence[RefUpdate]) -> None:
        """Writes the branches as they are with the updates, but for those that are as the host has them. Raises
        ProgramError; the bundle before stays."""
        refs = dict(repository.refs())
        for update in updates:
            refs[update.ref] = update.new
        kept = {ref: oid for ref, oid in refs.items() if oid.strip("0") and mirror.begun.get(ref) != oid}
        path = self._folder / f"git-{mirror.remote.host}{SUFFIX}"
        if not kept:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        self._bundle(repository, kept, tuple(mirror.begun.values()), fresh)
        fresh.chmod(0o644)
        fresh.replace(path)

    def _bundle(self, repository: Repository, refs: dict[str, str], begun: Sequence[str], path: Path) -> None:
        """git writes a bundle of names alone, and the refs have their new values only once the push is over: so the
        names are written here, before a pack of git's (gitformat-bundle(5)). What the host has is not in it, and is
        named as what it builds on."""
        wanted = "".join(f"{oid}\n" for oid in (*refs.values(), *(f"^{oid}" for oid in begun))).encode()
        listed = repository.tell("rev-list", "--boundary", "--stdin", stdin=wanted).decode().split()
        base = "".join(f"{line} \n" for line in listed if line.startswith("-"))
        names = "".join(f"{oid} {ref}\n" for ref, oid in sorted(refs.items()))
        header = f"# v2 git bundle\n{base}{names}\n"
        pack = repository.tell("pack-objects", "--stdout", "--revs", "--quiet", "--delta-base-offset", stdin=wanted)
        try:
            with path.open("wb") as file:
                file.write(header.encode() + pack)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise ProgramError(f"the result cannot be kept: {error.strerror}") from None

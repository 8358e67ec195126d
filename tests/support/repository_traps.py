"""Repositories whose settings would have git run a program: each in another way."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

_PARTIAL: Final = {
    "core.repositoryFormatVersion": "1",
    "extensions.partialClone": "far",
    "remote.far.promisor": "true",
}

TRAPS: Final[Mapping[str, Mapping[str, str]]] = {
    "the index is watched": {"core.fsmonitor": "TRAP"},
    "a hook in a folder": {},
    "a hook in the settings": {"hook.any=name.command": "TRAP", "hook.any=name.event": "reference-transaction"},
    "what is fetched is another program's": {
        "url.ext::TRAP #.insteadOf": "/",
        "protocol.ext.allow": "always",
    },
    "what is fetched lies behind ssh": {
        "url.ssh://far/.insteadOf": "/",
        "protocol.ssh.allow": "always",
        "core.sshCommand": "TRAP",
    },
    "what is borrowed is asked for": {"core.alternateRefsCommand": "TRAP"},
    "what is missing comes from a server on this host": {
        **_PARTIAL,
        "remote.far.url": "/",
        "remote.far.uploadpack": "TRAP;",
        "protocol.file.allow": "always",
    },
    "what is missing comes over ssh": {
        **_PARTIAL,
        "remote.far.url": "ssh://far/it",
        "core.sshCommand": "TRAP",
        "protocol.ssh.allow": "always",
    },
}
"""By what sets them off. `TRAP` stands for the program."""

MISSING: Final = "1" * 40


@frozen
class Trapped:
    """A repository with a trap, and the file that tells of it."""

    trace: Path

    @classmethod
    def at(cls, folder: Path, trap: str) -> "Trapped":
        """Sets it; a partial clone gets a branch whose commit it lacks, and every repository borrows objects."""
        trapped = cls(folder.with_name(f"{folder.name}-trap") / "ran")
        trapped.trace.parent.mkdir()
        program = trapped.trace.with_name("trap")
        program.write_text(f"#!/bin/sh\n: > {trapped.trace}\nexit 1\n")
        program.chmod(0o755)
        for key, value in TRAPS[trap].items():
            command = ["git", "-C", str(folder), "config", key.replace("TRAP", str(program))]
            subprocess.run([*command, value.replace("TRAP", str(program))], check=True, timeout=10)
        git = folder / ".git"
        if trap == "a hook in a folder":
            (git / "hooks").mkdir(exist_ok=True)
            (git / "hooks" / "reference-transaction").symlink_to(program)
        if "extensions.partialClone" in TRAPS[trap]:
            (git / "refs" / "heads" / "lacking").write_text(f"{MISSING}\n")
            (git / "HEAD").write_text("ref: refs/heads/lacking\n")
        trapped._lend(git)
        trapped.trace.unlink(missing_ok=True)
        return trapped

    @property
    def has_run(self) -> bool:
        return self.trace.exists()

    def _lend(self, git: Path) -> None:
        lender = self.trace.with_name("lender")
        subprocess.run(["git", "init", "--quiet", "--bare", str(lender)], check=True, timeout=10)
        (git / "objects" / "info").mkdir(exist_ok=True)
        (git / "objects" / "info" / "alternates").write_text(f"{lender / 'objects'}\n")

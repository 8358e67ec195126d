"""What agent programs call on in their box, and which of it this host does not have where a box would see it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

GUEST_PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a box looks for programs of the system, behind its own directory of links."""

_USES: Final[Mapping[str, str]] = {
    "sh": "no agent can run a command",
    "bash": "Claude Code's Bash tool and many scripts cannot run",
    "git": "the agent can neither commit nor push",
    "curl": "the agent cannot fetch with it",
}


def notes(folders: tuple[str, ...] = GUEST_PATH) -> Iterator[str]:
    """One line for each program that is absent from the directories."""
    for program, consequence in _USES.items():
        if not any(os.access(Path(folder) / program, os.X_OK) for folder in folders):
            yield f"{program} is not below /usr on this host: {consequence}"

"""Run by hatchling for each build: writes the commit into the archive, where there is no git to ask any more."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = "COMMIT"
"""Where a source archive has it."""
_IN_WHEEL = "bottle/_bundle/commit"


class BuildHook(BuildHookInterface):  # type: ignore[type-arg] # generic in its own configuration, which is not needed
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the file. A build from a source archive takes over what that says; an editable one asks git later."""
        commit = known_commit(Path(self.root))
        if version == "editable" or not commit:
            return
        target = _IN_WHEEL if self.target_name == "wheel" else CARRIED
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "commit"
        file.write_text(f"{commit}\n", encoding="ascii")
        build_data["force_include"][str(file)] = target

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - as hatchling calls it
        if folder := getattr(self, "_folder", None):
            folder.cleanup()


def known_commit(root: Path) -> str:
    """What the tree is of, in the words of `bottle --version`; empty where nobody knows."""
    if (root / CARRIED).is_file():
        return (root / CARRIED).read_text(encoding="ascii").strip()
    if not (root / ".git").exists():
        return ""
    repository = ["git", "--git-dir", str(root / ".git"), "--work-tree", str(root)]
    describe = [*repository, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""

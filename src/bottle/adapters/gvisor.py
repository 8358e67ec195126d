"""Which gVisor this host has; the engine's API does not tell."""

import os
import re
import shutil
from collections.abc import Mapping

from bottle.adapters import process

_SECONDS = 10.0
_RELEASE = re.compile(r"\bversion \D*(?:0\.0~)?(20\d{6})")
"""`release-20240729.0` as its makers call it, `0.0~20221219.0` as Debian does."""


def gvisor_release(environ: Mapping[str, str]) -> str:
    """The day of the release of `runsc` on the PATH, as YYYYMMDD; empty where there is none that says so."""
    program = shutil.which("runsc", path=environ.get("PATH", os.defpath))
    if program is None:
        return ""
    try:
        said = process.run([program, "--version"], timeout=_SECONDS).stdout
    except (OSError, TimeoutError):
        return ""
    found = _RELEASE.search(said.decode(errors="replace"))
    return found[1] if found else ""

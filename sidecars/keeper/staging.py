"""Becoming nobody in particular, for a launcher that is root.

A box whose user is the host's root, even without capabilities, is weaker than another: files of root's are its own,
and some of the kernel's checks ask for the number alone. So everything of a bottle runs under a number that nobody has.
What it needs below a directory that is root's alone (its interpreter, its sources) is mounted again, at the same paths,
in a mount namespace of the keeper's own; all else that lies there is out of its sight from then on.
"""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000


def become(number: int, reachable: Sequence[str]) -> None:
    """Takes the number as user and group, with the paths within reach. Raises OSError; not to be repeated."""
    blocked = _by_obstacle(reachable)
    if blocked:
        library = ctypes.CDLL(None, use_errno=True)
        _check(library.unshare(_CLONE_NEWNS), "unshare")
        _mount(library, None, "/", None, _MS_REC | _MS_PRIVATE)
        for obstacle, paths in blocked.items():
            _uncover(library, obstacle, paths)
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def _by_obstacle(paths: Sequence[str]) -> dict[str, list[str]]:
    """The paths that others cannot reach, by the topmost directory that keeps them from it."""
    blocked: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        obstacle = next((str(parent) for parent in reversed(Path(path).parents) if not _is_open(parent)), None)
        if obstacle is not None:
            blocked.setdefault(obstacle, []).append(path)
    return blocked


def _is_open(directory: Path) -> bool:
    """Whether anybody may pass through."""
    return bool(directory.stat().st_mode & 0o001)


def _uncover(library: ctypes.CDLL, obstacle: str, paths: Sequence[str]) -> None:
    """Covers the obstacle with an empty directory, in which nothing but the paths is there again."""
    held = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths}
    _mount(library, "tmpfs", obstacle, "tmpfs", 0, "mode=755,size=1m")
    usual = os.umask(0o022)  # the way to the paths is open whatever the launcher's mask is
    for path, descriptor in held.items():
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            Path(path).mkdir(parents=True, exist_ok=True)
        else:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
        _mount(library, f"/proc/self/fd/{descriptor}", path, None, _MS_BIND | _MS_REC)
        os.close(descriptor)
    os.umask(usual)


def _mount(library: ctypes.CDLL, source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _check(library.mount(*words, ctypes.c_ulong(flags), data.encode() or None), target)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)

"""What comes out of a box: its parts, how much of it is taken, and which paths may be in it."""

from typing import Final, Literal

from attrs import evolve, frozen

from bottle.domain.provision import GUEST_HOME, GUEST_WORKSPACE, HostTree

Part = Literal["transcript", "workspace", "base"]
"""`transcript`: the agent's sessions. `workspace`: the tree that it worked in. `base`: that tree as it was in the
beginning, which is of the host's making."""

GIT: Final = ".git"


@frozen
class Limits:
    """How much one archive may be: bytes of the whole, of one name and of one path, things, and folders in folders."""

    size: int = 8 * 1024**3
    entries: int = 400_000
    depth: int = 128
    name: int = 255
    path: int = 4096


TRANSCRIPT_LIMITS: Final = Limits(size=1024**3, entries=100_000)
LIMITS: Final[dict[Part, Limits]] = {"transcript": TRANSCRIPT_LIMITS, "workspace": Limits(), "base": Limits()}


@frozen
class KeptArchive:
    """A part of an earlier bottle that was taken out of its box, on its way into another: an archive on this host whose
    members are relative to the agent's home, at or below `roots`. It is read by strict hands, whoever wrote it."""

    path: str
    roots: tuple[str, ...]
    part: Part
    size: int = 0


def below_home(path: str) -> str:
    """An absolute path of the agent's home, relative to that. Raises ValueError for any other."""
    if not path.startswith(f"{GUEST_HOME}/"):
        raise ValueError(f"{path} is not below {GUEST_HOME}")
    return path.removeprefix(f"{GUEST_HOME}/")


WORKSPACE: Final = below_home(GUEST_WORKSPACE)


def beginning_of(tree: HostTree) -> HostTree:
    """The working tree that goes into a box, without what git keeps for itself, relative to the agent's home."""
    entries = None if tree.entries is None else tuple(path for path in tree.entries if GIT not in path.split("/"))
    return evolve(tree, guest_path=f"/{WORKSPACE}", entries=entries, replaced={})


def path_fault(path: str, roots: tuple[str, ...], limits: Limits) -> str | None:
    """Why a member of an archive must not have this path, or None. It is relative, in normal form, and one of the roots
    or below one."""
    if not path or path.startswith("/") or "\0" in path:
        return "no relative path"
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "not in normal form"
    if len(parts) > limits.depth or len(_bytes(path)) > limits.path:
        return "too deep or too long"
    if any(len(_bytes(part)) > limits.name for part in parts):
        return "a name that is too long"
    if not any(path == root or path.startswith(f"{root}/") for root in roots):
        return f"not below {' or '.join(roots)}"
    return None


def leads_out(path: str, target: str) -> bool:
    """Whether a link at this path, read as text, names a place outside of the tree that both are relative to."""
    if target.startswith("/"):
        return True
    depth = path.count("/")
    for part in target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")

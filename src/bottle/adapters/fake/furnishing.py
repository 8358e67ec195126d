"""What a box in memory holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bottle.adapters.archive import Furniture, pack
from bottle.adapters.tar_reader import content, members
from bottle.app.ports import Cargo
from bottle.domain.environment import Verbatim
from bottle.domain.errors import ProvisionError
from bottle.domain.plan import BottlePlan
from bottle.domain.provision import GUEST_HOME, GuestFile
from bottle.domain.taken_out import LIMITS


def packed(files: Mapping[str, bytes], roots: Sequence[str]) -> bytes:
    """A tar of the files at or below the roots, as a box's own would write it: relative to the home."""
    inside = {path.removeprefix(f"{GUEST_HOME}/"): found for path, found in files.items()}
    chosen = [path for path in inside if any(path == root or path.startswith(f"{root}/") for root in roots)]
    return b"".join(pack(Furniture(files=tuple(GuestFile(f"/{path}", inside[path]) for path in sorted(chosen)))))


def furnished(plan: BottlePlan, cargo: Cargo) -> tuple[dict[str, str], dict[str, bytes]]:
    """The box's environment, and its files by path."""
    env: dict[str, str] = {}
    for item in plan.env:
        if isinstance(item.entry, Verbatim):
            env[item.name] = item.entry.value
        else:
            env[item.name] = cargo.env[item.name]
    return env, {**_trees(plan), **_kept(plan), **{file.path: file.content for file in plan.files}}


def _kept(plan: BottlePlan) -> Mapping[str, bytes]:
    files: dict[str, bytes] = {}
    for kept in plan.archives:
        with Path(kept.path).open("rb") as archive:
            for member in members(archive, kept.roots, LIMITS[kept.part]):
                if member.kind == "file":
                    files[f"{GUEST_HOME}/{member.path}"] = b"".join(content(archive, member))
    return files


def _trees(plan: BottlePlan) -> Mapping[str, bytes]:
    files: dict[str, bytes] = {}
    for tree in plan.trees:
        root = Path(tree.host_path)
        if not root.is_dir():
            raise ProvisionError(f"{root} cannot be read: No such file or directory")
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                files[f"{tree.guest_path}/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    return files

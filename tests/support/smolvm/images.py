"""A `docker save` archive made into a directory, once for each image."""

import fcntl
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def flattened(archive: Path) -> tuple[Path, dict[str, Any]]:
    """The root of the image's files, and its configuration. Raises OSError, KeyError for what is no such archive."""
    with tarfile.open(archive) as tar:
        manifest = json.loads(_content(tar, "manifest.json"))[0]
        config = json.loads(_content(tar, manifest["Config"]))["config"]
    shelf = Path(os.environ.get("SMOLVM_DOUBLE_IMAGES") or Path(os.environ["HOME"]) / ".cache/smolvm/images")
    shelf.mkdir(parents=True, exist_ok=True)
    place = shelf / Path(manifest["Config"]).name
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            _unpack(archive, manifest["Layers"], shelf / "new")
            (shelf / "new").rename(place)
    return place, config


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()


def _unpack(archive: Path, layers: list[str], root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(mode=0o755)
    subprocess.run(["tar", "-x", "-f", archive, "-C", root.parent, *layers], check=True)
    for layer in layers:
        path = root.parent / layer
        listed = subprocess.run(["tar", "-t", "-f", path], capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            _hide(root, name)
        words = ["tar", "-x", "-p", "--same-owner", "--numeric-owner", f"--exclude={_WHITEOUT}*"]
        subprocess.run([*words, "-C", str(root), "-f", str(path)], check=True)
        path.unlink()


def _hide(root: Path, name: str) -> None:
    """Removes what a layer says is not there any more."""
    folder, _, last = name.rstrip("/").rpartition("/")
    if not last.startswith(_WHITEOUT):
        return
    hidden = root / folder if last == _OPAQUE else root / folder / last.removeprefix(_WHITEOUT)
    if hidden.is_dir() and not hidden.is_symlink():
        shutil.rmtree(hidden)
    else:
        hidden.unlink(missing_ok=True)

"""Pushes as no git would send them."""

import subprocess
import urllib.request
from pathlib import Path

from tests.gitgate.conftest import HOST, World
from tests.support.git_client import Git


def raw_push(shared: World, work: Git, command: str, objects: list[str]) -> bytes:
    """A push with exactly these objects."""
    done = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=work.folder,
        input="\n".join([*objects, *work("rev-list", "--objects", "--no-object-names", objects[0]).split()]).encode(),
        capture_output=True,
        check=True,
    )
    return post(shared, f"{command}\0report-status side-band-64k\n", done.stdout)


def post(shared: World, command: str, pack: bytes) -> bytes:
    body = f"{len(command) + 4:04x}{command}0000".encode() + pack
    request = urllib.request.Request(
        f"{address(shared)}/git-receive-pack", body, {"Content-Type": "application/x-git-receive-pack-request"}
    )
    with urllib.request.urlopen(request) as answer:
        said: bytes = answer.read()
        return said


def address(shared: World) -> str:
    return f"http://127.0.0.1:{shared.port}/{HOST}{Path(str(shared.upstream).removesuffix('.git'))}"

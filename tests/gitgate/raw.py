"""Pushes as no git would send them."""

import subprocess
import urllib.request
from collections.abc import Iterator
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


def post(shared: World, command: str, pack: bytes, before: str = "") -> bytes:
    """What the gate answers; `before` are lines of the protocol that stand before the command."""
    body = f"{before}{len(command) + 4:04x}{command}0000".encode() + pack
    request = urllib.request.Request(
        f"{address(shared)}/git-receive-pack", body, {"Content-Type": "application/x-git-receive-pack-request"}
    )
    with urllib.request.urlopen(request) as answer:
        return b"".join(_heard(answer.read()))


def _heard(said: bytes) -> Iterator[bytes]:
    """What the lines carry, of all bands (gitprotocol-pack(5)): they are cut anywhere."""
    at = 0
    while at < len(said):
        size = int(said[at : at + 4], 16)
        yield said[at + 5 : at + size] if said[at + 4 : at + 5] in (b"\1", b"\2", b"\3") else said[at + 4 : at + size]
        at += max(size, 4)


def address(shared: World) -> str:
    return f"http://127.0.0.1:{shared.port}/{HOST}{Path(str(shared.upstream).removesuffix('.git'))}"

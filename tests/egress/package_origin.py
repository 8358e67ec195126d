"""What clients fetch: a page, a git repository (by git's own http-backend), a Python index and an npm registry."""

import base64
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
import zipfile
from pathlib import Path

from tests.egress.harness import Received, ok

SAID = "fetched through the way out"
_WHEEL = "thing-1.0-py3-none-any.whl"
_TARBALL = "thing-1.0.0.tgz"


class Packages:
    """The answers of an origin that is all of these."""

    def __init__(self, directory: Path, base: str) -> None:
        """`base` is how clients call the origin; the repository is made in `directory`."""
        self._root = directory
        self._wheel, self._tarball = wheel(), tarball()
        _repository(directory)
        version = {
            "name": "thing",
            "version": "1.0.0",
            "dist": {"tarball": f"{base}/{_TARBALL}", "integrity": _integrity(self._tarball)},
        }
        registry = {"name": "thing", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        self._plain = {
            "/": (SAID.encode(), "text/plain"),
            "/simple/thing/": (f'<!DOCTYPE html><a href="/{_WHEEL}">{_WHEEL}</a>'.encode(), "text/html"),
            f"/{_WHEEL}": (self._wheel, "application/octet-stream"),
            "/thing": (json.dumps(registry).encode(), "application/json"),
            f"/{_TARBALL}": (self._tarball, "application/octet-stream"),
        }

    def answer(self, request: Received, _connection: socket.socket) -> bytes:
        path, _, query = request.target.partition("?")
        if path.startswith("/repo.git/"):
            return self._git(request, path, query)
        if path in self._plain:
            body, kind = self._plain[path]
            return ok(body, f"Content-Type: {kind}")
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    def _git(self, request: Received, path: str, query: str) -> bytes:
        """git-http-backend(1), as a web server runs it."""
        named = {"CONTENT_TYPE": "content-type", "HTTP_CONTENT_ENCODING": "content-encoding",
                 "HTTP_GIT_PROTOCOL": "git-protocol"}  # fmt: skip
        headers = {name: value for name, header in named.items() for value in request.header(header)}
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.method,
            "CONTENT_LENGTH": str(len(request.body)),
            **headers,
        }
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=request.body, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = [line for line in head.decode().split("\r\n") if not line.startswith("Status:")]
        return ok(body, *lines)


def _repository(directory: Path) -> None:
    work = directory / "work"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(work)]
    subprocess.run(["git", "init", "-q", "-b", "main", str(work)], check=True)
    (work / "said.txt").write_text(SAID)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(directory / "repo.git")], check=True)


def wheel() -> bytes:
    """A wheel with one module."""
    packed = io.BytesIO()
    info = "thing-1.0.dist-info"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("thing.py", f"SAID = {SAID!r}\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return packed.getvalue()


def tarball() -> bytes:
    """A package for npm with one module."""
    packed = io.BytesIO()
    files = {"package.json": json.dumps({"name": "thing", "version": "1.0.0", "main": "index.js"}),
             "index.js": f"module.exports = {json.dumps(SAID)};\n"}  # fmt: skip
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


def _integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()

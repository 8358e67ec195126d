"""What clients fetch: a page, git repositories (by git's own http-backend), and the registries of many languages."""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.egress import package_kinds
from tests.egress.harness import Received, ok
from tests.egress.package_kinds import SAID

_WHEEL = "thing-1.0-py3-none-any.whl"
_TARBALL = "thing-1.0.0.tgz"


class Packages:
    """The answers of an origin that is all of these."""

    def __init__(self, directory: Path, base: str) -> None:
        """`base` is how clients call the origin; the repositories are made in `directory`."""
        self._root = directory
        _repository(directory, "repo", {"said.txt": SAID})
        _repository(directory, "index", package_kinds.crate_index(base))
        files = {
            f"/{_WHEEL}": package_kinds.wheel(),
            f"/{_TARBALL}": package_kinds.tarball(),
            "/crates/thing/1.0.0/download": package_kinds.crate(),
            "/maven/org/example/thing/1.0/thing-1.0.pom": package_kinds.pom(),
            **package_kinds.go_module(),
            **package_kinds.debian(),
        }
        self._plain = {
            "/": (SAID.encode(), "text/plain"),
            "/simple/thing/": (f'<!DOCTYPE html><a href="/{_WHEEL}">{_WHEEL}</a>'.encode(), "text/html"),
            "/thing": (_npm_registry(base), "application/json"),
            "/user": (json.dumps({"login": SAID}).encode(), "application/json"),
            **{path: (content, "application/octet-stream") for path, content in files.items()},
        }

    def answer(self, request: Received, _connection: socket.socket) -> bytes:
        path, _, query = request.target.partition("?")
        if path.partition("/")[2].split("/")[0].endswith(".git"):
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


def _npm_registry(base: str) -> bytes:
    dist = {"tarball": f"{base}/{_TARBALL}", "integrity": package_kinds.integrity(package_kinds.tarball())}
    version = {"name": "thing", "version": "1.0.0", "dist": dist}
    registry = {"name": "thing", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    return json.dumps(registry).encode()


def _repository(directory: Path, name: str, files: Mapping[str, str]) -> None:
    """A bare repository `name`.git with these files in one commit."""
    work = directory / name
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(work)]
    subprocess.run(["git", "init", "-q", "-b", "main", str(work)], check=True)
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), f"{work}.git"], check=True)

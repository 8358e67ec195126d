"""Gitea's API for deploy keys, as strict as Gitea, before a real sshd: what is registered there may log in here."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.support.sshd import Sshd
from tests.support.standin_tls import server_tls

_KEYS = re.compile(
    r"/api/v1/repos/(?P<repository>.+)/keys(?:/(?P<number>\d+))?(?:\?page=(?P<page>\d+)&limit=(?P<limit>\d+))?\Z"
)
_WANTED = {"title": str, "key": str, "read_only": bool}


@define
class Gitea:
    """One repository's keys. `refusing` answers everything with that status."""

    repository: str
    token: str
    server: Sshd | None = None
    url: str = ""
    root: str = ""
    keys: dict[int, dict[str, object]] = field(factory=dict)
    seen: list[str] = field(factory=list)
    refusing: int = 0
    count: int = 0

    def answer(self, method: str, path: str, credential: str, body: bytes) -> tuple[int, object]:
        self.seen.append(f"{method} {path}")
        if self.refusing:
            return self.refusing, {"message": credential}
        match = _KEYS.match(path)
        if credential != f"token {self.token}":
            return 401, {"message": "invalid username, password or token"}
        if match is None or match["repository"] != self.repository:
            return 404, {"message": "The target couldn't be found."}
        if method == "POST":
            return self._add(json.loads(body))
        if method == "GET":
            first = (int(match["page"]) - 1) * min(int(match["limit"]), 2)  # a forge has its own idea of a page
            return 200, list(self.keys.values())[first : first + 2]
        if method == "DELETE" and match["number"]:
            status = 204 if self.keys.pop(int(match["number"]), None) else 404
            self._let_in()
            return status, None
        return 405, None

    def _add(self, wish: dict[str, object]) -> tuple[int, object]:
        if set(wish) != set(_WANTED) or not all(isinstance(wish[name], kind) for name, kind in _WANTED.items()):
            return 422, {"message": "[]: not as it should be"}
        if any(key["key"] == wish["key"] or key["title"] == wish["title"] for key in self.keys.values()):
            return 422, {"message": "has already been used"}
        self.count += 1
        self.keys[self.count] = {"id": self.count, **wish, "fingerprint": "SHA256:x"}
        self._let_in()
        return 201, self.keys[self.count]

    def _let_in(self) -> None:
        """A key that only reads runs one program, whatever it asks for (sshd(8), `command=`)."""
        if self.server is None:
            return
        reading = f"command=\"git-upload-pack '/{self.repository}.git'\",restrict "
        lines = [f"{reading if key['read_only'] else ''}{key['key']}\n" for key in self.keys.values()]
        (self.server.folder / "authorized_keys").write_text("".join(lines))


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust it goes away in the handshake; its test says what came of that."""


@contextmanager
def gitea(repository: str, token: str, folder: Path, server: Sshd | None = None) -> Iterator[Gitea]:
    """Serves over TLS until the end of the block. With a server its usual key is let in no longer."""
    tls = server_tls(["127.0.0.1"], folder)
    forge = Gitea(repository, token, server, root=tls.root)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = forge.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            packed = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

    listening = _Server(("127.0.0.1", 0), Handler)
    listening.socket = tls.context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    forge.url = f"https://127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield forge
    finally:
        listening.shutdown()
        listening.server_close()
